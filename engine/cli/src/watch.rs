//! `engine watch`: what a saved file affects is checked at once, then rebuilt.

mod changed;
mod saves;
