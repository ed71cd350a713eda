//! What a route is: how it is asked, and what one must be to use it.

use engine_run::history::users::Role;

/// What one must be to use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing at all, and by whatever name the service is called: for probes.
    Anything,
    /// Nothing.
    Nobody,
    /// At least that.
    Role(Role),
}

/// A route.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// Whether it changes something.
    pub posts: bool,
    /// The path, with parameters in braces.
    pub path: &'static str,
    /// What one must be to use it.
    pub needs: Needs,
    /// What it is for; empty of what only browsers ask for.
    pub says: &'static str,
}
