//! Reaches the systems that data lives in, and carries it as Arrow batches.
