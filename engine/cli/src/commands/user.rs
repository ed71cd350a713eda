//! `engine user`: who may sign in to the web page.

use crate::{
    args::{Output, User, UserCommand},
    context::Context,
    exit_status::{CliError, ExitStatus, Result},
    terminal::format::utc,
    terminal::{self, Style, report::action},
    web::auth::password,
};
use engine_run::{
    clock::{self, Clock as _, SystemClock},
    history::{
        History,
        users::{Role, User as Known},
    },
};
use serde_json::json;
use std::io::{self, Read as _};

/// The name of the first admin.
const FIRST: &str = "admin";
/// More than this is no password.
const LIMIT_BYTES: u64 = 1024;

/// Adds, lists, removes, or gives a new password.
pub fn user(context: &Context, args: &User) -> Result {
    let history = History::open(&context.made()?)?;
    match &args.command {
        UserCommand::Add { name, role, password_stdin } => {
            let (password, first) = given_or_made(*password_stdin)?;
            add(&history, name, (*role).into(), &password, first)?;
            shown(context, name, &password, first)
        }
        UserCommand::Passwd { name, password_stdin } => {
            let (password, first) = given_or_made(*password_stdin)?;
            if !history.set_password(name, &digest(&password)?, first, None)? {
                return Err(nobody(name));
            }
            shown(context, name, &password, first)
        }
        UserCommand::Rm { name } => {
            if history.user(name)?.is_none() {
                return Err(nobody(name));
            }
            if !history.remove_user(name)? {
                let hint = "add another admin first: `engine user add NAME --role admin`".to_owned();
                return Err(CliError::usage(format!("`{name}` is the last admin"), hint));
            }
            context.terminal.note(&action(context.terminal, Style::Good, "Removed", name));
            Ok(ExitStatus::Done)
        }
        UserCommand::Ls { output } => list(&history, *output),
    }
}

/// Makes the first admin where there is nobody, and prints the password this once.
pub fn first(context: &Context, history: &History) -> Result<()> {
    if !history.users()?.is_empty() {
        return Ok(());
    }
    let password = password::made();
    add(history, FIRST, Role::Admin, &password, true)?;
    let terminal = context.terminal;
    terminal.say(&action(terminal, Style::Warn, "Made", &format!("the user `{FIRST}`, password {password}")));
    let more = "it is shown this once; until it is changed, only this machine is served";
    terminal.say(&action(terminal, Style::Dim, "", more));
    Ok(())
}

fn add(history: &History, name: &str, role: Role, password: &str, first: bool) -> Result<()> {
    if let Some(wrong) = password::wrong_name(name) {
        return Err(CliError::usage(format!("`{name}` cannot be a name: {wrong}"), None));
    }
    let (name, created_us) = (name.to_owned(), SystemClock.now_us());
    let user = Known { name, password: digest(password)?, role, first_password: first, created_us };
    if history.add_user(&user)? {
        return Ok(());
    }
    let hint = format!("`engine user passwd {}` gives them a new password", user.name);
    Err(CliError::usage(format!("there is a user `{}` already", user.name), hint))
}

/// The password, and whether it was made up here.
fn given_or_made(from_stdin: bool) -> Result<(String, bool)> {
    if !from_stdin {
        return Ok((password::made(), true));
    }
    let mut text = String::new();
    io::stdin().take(LIMIT_BYTES).read_to_string(&mut text).map_err(CliError::io("reading the password"))?;
    let text = text.trim_end_matches(['\r', '\n']).to_owned();
    match password::wrong(&text) {
        Some(wrong) => Err(CliError::usage(format!("this cannot be a password: {wrong}"), None)),
        None => Ok((text, false)),
    }
}

fn digest(text: &str) -> Result<String> {
    password::digest(text).map_err(|error| CliError::usage(format!("the password cannot be kept: {error}"), None))
}

fn shown(context: &Context, name: &str, password: &str, made: bool) -> Result {
    if made {
        terminal::write(&format!("{password}\n"))?;
        let text = format!("this is the password of `{name}`; it is not shown again");
        context.terminal.note(&action(context.terminal, Style::Good, "Made", &text));
    } else {
        context.terminal.note(&action(context.terminal, Style::Good, "Kept", &format!("the password of `{name}`")));
    }
    Ok(ExitStatus::Done)
}

fn list(history: &History, output: Output) -> Result {
    let now = SystemClock.now_us();
    let mut text = String::new();
    for user in history.users()? {
        let line = match output {
            Output::Json => json!({
                "name": user.name,
                "role": user.role.word(),
                "first_password": user.first_password,
                "created_at": utc(user.created_us),
            })
            .to_string(),
            Output::Text => {
                let first = if user.first_password { "   first password" } else { "" };
                format!(
                    "{:<24} {:<10} since {}{first}",
                    user.name,
                    user.role.word(),
                    clock::short(user.created_us, now)
                )
            }
        };
        text.push_str(&line);
        text.push('\n');
    }
    terminal::write(&text)?;
    Ok(ExitStatus::Done)
}

fn nobody(name: &str) -> CliError {
    CliError::usage(format!("there is no user `{name}`"), "`engine user ls` lists everybody".to_owned())
}
