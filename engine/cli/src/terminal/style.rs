//! Styles of text on a terminal.

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Went well.
    Good,
    /// Went wrong.
    Bad,
    /// Should be looked at.
    Warn,
    /// Of no weight.
    Dim,
    /// Of weight.
    Bold,
    /// Something in progress, or a command to type.
    Blue,
}

impl Style {
    /// Paints text, or leaves it as it is.
    pub fn paint(self, colour: bool, text: &str) -> String {
        let code = match self {
            Self::Good => "1;32",
            Self::Bad => "1;31",
            Self::Warn => "1;33",
            Self::Dim => "2",
            Self::Bold => "1",
            Self::Blue => "1;36",
        };
        if colour && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
