# `engine` alone, over a project that is mounted at /project.
FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin engine && cp target/release/engine /engine

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home engine
COPY --from=build /engine /usr/local/bin/engine
USER engine
WORKDIR /project
ENTRYPOINT ["engine"]
CMD ["run"]
