//! Moves the data: plans, builds, replicates, tests and remembers.
