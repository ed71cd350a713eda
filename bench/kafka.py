"""What a team writes today: confluent-kafka, json, COPY into a temporary table in batches of 10,000, and an upsert."""

import json
import sys

import confluent_kafka
import psycopg

COLUMNS = ["user", "contact", "page", "referrer", "amount", "at"]
LIST = ", ".join(f'"{column}"' for column in COLUMNS)
BATCH = 10_000


def upsert(connection, schema, messages):
    rows = {}
    for message in messages:
        event = json.loads(message.value())
        rows[event["user"]] = [event[column] for column in COLUMNS]
    with connection.cursor() as cursor:
        cursor.execute("truncate staging")
        with cursor.copy(f"copy staging ({LIST}) from stdin") as copy:
            for row in rows.values():
                copy.write_row(row)
        others = ", ".join(f'"{column}" = excluded."{column}"' for column in COLUMNS[1:])
        cursor.execute(
            f'insert into {schema}.by_python ({LIST}) select {LIST} from staging on conflict ("user") do update set {others}'
        )
    connection.commit()


def main(brokers, topic, url, schema):
    connection = psycopg.connect(url)
    connection.execute(f"drop table if exists {schema}.by_python")
    connection.execute(
        f'create table {schema}.by_python ("user" bigint primary key, contact text, page text, referrer text, '
        f'amount numeric(10,2), "at" timestamp)'
    )
    connection.execute(f"create temporary table staging (like {schema}.by_python)")
    connection.commit()
    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": brokers, "group.id": "bench", "enable.auto.commit": False, "isolation.level": "read_committed"}
    )
    partitions = consumer.list_topics(topic).topics[topic].partitions
    all_of = [confluent_kafka.TopicPartition(topic, partition, 0) for partition in partitions]
    ends = {place.partition: consumer.get_watermark_offsets(place)[1] for place in all_of}
    consumer.assign(all_of)
    while True:
        messages = consumer.consume(BATCH, timeout=1.0)
        good = [message for message in messages if not message.error()]
        if good:
            upsert(connection, schema, good)
        if all(place.offset >= ends[place.partition] for place in consumer.position(all_of)):
            break
    consumer.close()


def compare(url, schema):
    connection = psycopg.connect(url)
    difference = connection.execute(
        f"select count(*) from (select {LIST} from {schema}.visits except select {LIST} from {schema}.by_python) d"
    ).fetchone()[0]
    rows = connection.execute(f"select count(*) from {schema}.visits").fetchone()[0]
    print(f"{rows} rows, {difference} of them different")
    sys.exit(1 if difference else 0)


if __name__ == "__main__":
    if sys.argv[1] == "--compare":
        compare(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
