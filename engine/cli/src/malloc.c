/* How glibc's allocator is to behave: see docs/adr/0013. Rust has no safe way to say it, and this program has no unsafe code. */
#include <malloc.h>
#include <stdlib.h>

__attribute__((constructor)) static void hold_little(void) {
    /* A fixed threshold: by itself it grows to the largest block that was freed, and what is below it stays with the process. */
    mallopt(M_MMAP_THRESHOLD, 256 * 1024);
    /* One heap for all threads: each of several keeps what is free in it to itself. */
    if (!getenv("MALLOC_ARENA_MAX"))
        mallopt(M_ARENA_MAX, 1);
}
