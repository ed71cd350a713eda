//! Functions of a group that PostgreSQL computes otherwise than DataFusion.

pub mod average;
