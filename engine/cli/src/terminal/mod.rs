//! What the two streams are: terminals or not, in colour or not; and writing to them.

pub mod diagnostic;
pub mod format;
pub mod progress;
pub mod report;
pub mod rows;
mod style;

pub use style::Style;

use crate::args::Colour;
use std::{
    env,
    io::{self, IsTerminal as _, Write as _},
};

/// The environment as far as it decides about colour and movement.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a variable of its own")]
struct Wishes {
    no_color: bool,
    force: bool,
    ci: bool,
    dumb: bool,
}

/// The program's two streams. stdout is data, stderr is everything else.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a property of its own")]
pub struct Terminal {
    /// Whether what goes to stderr is in colour.
    pub colour: bool,
    /// Whether what goes to stdout is in colour.
    pub data_colour: bool,
    /// Whether stderr can show things that move, and a person is there to see them.
    pub live: bool,
    /// Whether questions can be asked.
    pub asks: bool,
    /// Only errors are said.
    pub quiet: bool,
    /// Columns of stderr.
    pub width: usize,
}

impl Terminal {
    /// Looks at the streams and the environment.
    pub fn detect(colour: Colour, quiet: bool) -> Self {
        let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let wishes = Wishes {
            no_color: set("NO_COLOR"),
            force: env::var_os("CLICOLOR_FORCE").is_some_and(|value| !value.is_empty() && value != "0"),
            ci: set("CI"),
            dumb: env::var_os("TERM").is_some_and(|term| term == "dumb"),
        };
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let live = err && !wishes.ci && !wishes.dumb && !wishes.no_color;
        let width =
            terminal_size::terminal_size_of(io::stderr()).map_or(100, |(width, _)| usize::from(width.0).max(40));
        Self {
            colour: decide(colour, wishes, err),
            data_colour: decide(colour, wishes, out),
            live: live && !quiet,
            asks: live && io::stdin().is_terminal(),
            quiet,
            width,
        }
    }

    /// Writes to stderr, and forgives a reader who went away.
    #[expect(clippy::unused_self, reason = "it is the terminal that says it")]
    pub fn say(self, text: &str) {
        let mut text = text.to_owned();
        if !text.ends_with('\n') {
            text.push('\n');
        }
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Writes to stderr unless the user asked for quiet.
    pub fn note(self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }

    /// Paints text for stderr.
    pub fn paint(self, style: Style, text: &str) -> String {
        style.paint(self.colour, text)
    }
}

/// Writes data to stdout, and forgives a reader who went away: what the command found out still decides how it ends.
pub fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

fn decide(colour: Colour, wishes: Wishes, terminal: bool) -> bool {
    match colour {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto if wishes.no_color => false,
        Colour::Auto if wishes.force => true,
        Colour::Auto => terminal && !wishes.ci && !wishes.dumb,
    }
}

#[cfg(test)]
mod tests {
    use super::{Colour, Wishes, decide};

    #[test]
    fn colour_follows_the_user_then_the_environment_then_the_stream() {
        let none = Wishes::default();
        let force = Wishes { force: true, ..none };
        let both = Wishes { no_color: true, ..force };
        let ci = Wishes { ci: true, ..none };
        for (colour, wishes, terminal, expected) in [
            (Colour::Auto, none, true, true),
            (Colour::Auto, none, false, false),
            (Colour::Auto, force, false, true),
            (Colour::Auto, both, true, false),
            (Colour::Auto, ci, true, false),
            (Colour::Always, both, false, true),
            (Colour::Never, force, true, false),
        ] {
            assert_eq!(decide(colour, wishes, terminal), expected, "{colour:?} {wishes:?} {terminal}");
        }
    }
}
