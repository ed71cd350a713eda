//! What `engine doctor` finds wrong with databases, and what it says to do.

use crate::{builder::Test, mysql_url, replicas};
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, PgConnection, raw_sql};

/// A database that is read as `shop`, and one that is written as `marts`.
const PROJECT: &str = "default_sink = \"marts\"
[connections.shop]
SHOP
[connections.marts]
MARTS
[sources.shop]
connection = \"shop\"
[sources.shop.tables.orders]
columns = { id = \"bigint\" }
[sinks.marts]
connection = \"marts\"
";

/// A place of a test's own in a system.
struct Place {
    name: String,
    postgres: bool,
}

impl Place {
    fn new(postgres: bool) -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
        let place = Self { name: format!("doc{now}"), postgres };
        let word = if postgres { "schema" } else { "database" };
        place.administer(&format!("create {word} {0}; create table {0}.orders (id bigint primary key)", place.name));
        place
    }

    fn url(&self) -> String {
        if self.postgres { replicas::url() } else { mysql_url() }
    }

    /// Runs statements as who may do everything.
    fn administer(&self, sql: &str) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let sql = AssertSqlSafe(sql.to_owned());
            if self.postgres {
                raw_sql(sql).execute(&mut PgConnection::connect(&self.url()).await.unwrap()).await.unwrap();
            } else {
                raw_sql(sql).execute(&mut MySqlConnection::connect(&self.url()).await.unwrap()).await.unwrap();
            }
        });
    }

    /// A role that has only these rights, and the keys of a connection with it.
    fn role(&self, rights: &[&str]) -> String {
        let (name, url) = (&self.name, self.url());
        let at = if self.postgres { "" } else { "@'%'" };
        let password = if self.postgres { "login password" } else { "identified by" };
        let kind = if self.postgres { "role" } else { "user" };
        self.administer(&format!("create {kind} {name}{at} {password} 'secret'"));
        for right in rights {
            self.administer(&format!("grant {} to {name}{at}", right.replace("HERE", name)));
        }
        let url = format!("{}://{name}:secret@{}", url.split_once("://").unwrap().0, url.split_once('@').unwrap().1);
        self.keys(&url, "")
    }

    /// The keys of a connection, some of them wrong.
    fn keys(&self, url: &str, wrong: &str) -> String {
        let kind = if self.postgres { "postgres" } else { "mysql" };
        let place = if self.postgres { "schema" } else { "database" };
        let right = if wrong.contains(&format!("{place} =")) {
            String::new()
        } else {
            format!("{place} = \"{}\"\n", self.name)
        };
        format!("type = \"{kind}\"\nurl = \"{url}\"\n{right}{wrong}")
    }

    /// What is said of a connection that is read, or written, with what only this test knows left out.
    fn said(&self, keys: &str, written: bool) -> String {
        let free = "type = \"sqlite\"\npath = \".engine/data/free.db\"";
        let (shop, marts) = if written { (free, keys) } else { (keys, free) };
        let mut sources = PROJECT.replace("SHOP", shop).replace("MARTS", marts);
        if written {
            sources = sources.replace("[sources.shop.tables.orders]\ncolumns = { id = \"bigint\" }\n", "");
        }
        let test = Test::new().file("project/sources.toml", &sources);
        let model = "select id from {{ source('shop', 'orders') }}";
        let test = test.file("project/models/orders.sql", if written { "select 1 as id" } else { model });
        let done = test.run(&["doctor"]).code(1);
        let address = self.url().rsplit_once('@').unwrap().1.split_once('/').unwrap().0.to_owned();
        let lines = done.stderr.lines().filter(|line| line.trim_start().starts_with(['F', 'h']));
        let words = lines.map(|line| crate::builder::filtered(line).split_whitespace().collect::<Vec<_>>().join(" "));
        words
            .collect::<Vec<_>>()
            .join("\n")
            .replace(&self.name, "HERE")
            .replace(&address, "ADDRESS")
            .replace(" [T]", "")
    }
}

fn each(place: &Place, wrong: &[(&str, &str)]) {
    for (keys, expected) in wrong {
        assert_eq!(place.said(&place.keys(&place.url(), keys), false), *expected, "{keys}");
    }
}

#[test]
fn mistakes_about_postgres_are_told_apart() {
    let place = Place::new(true);
    each(
        &place,
        &[
            (
                "password = \"wrong\"",
                "Failed shop connecting: password authentication failed for user `engine`\n\
                 help check `user`, `password` and the server's pg_hba.conf",
            ),
            (
                "host = \"no-such-host.invalid\"\nport = 5432\nsslmode = \"disable\"",
                "Failed shop connecting: error communicating with database: failed to lookup address information: \
                 Name or service not known\n\
                 help is PostgreSQL running at no-such-host.invalid:5432/postgres? check `host` and `port`",
            ),
            (
                "port = 1",
                "Failed shop connecting: error communicating with database: Connection refused (os error 111)\n\
                 help is PostgreSQL running at 127.0.0.1:1/postgres? check `host` and `port`",
            ),
            (
                "database = \"nowhere\"",
                "Failed shop connecting: database `nowhere` does not exist\n\
                 help check `database`; the server is ADDRESS/nowhere",
            ),
            (
                "schema = \"nowhere\"",
                "Failed shop listing tables: there is no schema `nowhere`\n\
                 help check `schema`, or create it\n\
                 Failed shop opening `orders`: there is no table `orders` in schema `nowhere`\n\
                 help check the table's name and `schema`; a source's table that may be missing is declared with `optional = true`",
            ),
        ],
    );
    let keys = place.role(&["usage on schema HERE"]);
    assert_eq!(
        place.said(&keys, false),
        "Failed shop reading `orders`: permission denied for table orders\n\
         help grant the right to the connection's role"
    );
    assert_eq!(
        place.said(&keys, true),
        "Failed marts trying to write: permission denied for schema HERE\n\
         help let an administrator run `grant usage, create on schema \"HERE\" to \"HERE\"`"
    );
    place.administer(&format!("grant create on schema {} to {0}", place.name));
    assert_eq!(
        place.said(&keys, true),
        "Failed marts trying to write: `orders` belongs to `engine`, and only its owner may replace it\n\
         help let an administrator run `alter table \"HERE\".\"orders\" owner to \"HERE\"`, or `grant \"engine\" to \"HERE\"`"
    );
    place.administer(&format!("drop table {}.orders", place.name));
    assert_eq!(
        place.said(&keys, false),
        "Failed shop opening `orders`: there is no table `orders` in schema `HERE`\n\
         help check the table's name and `schema`; a source's table that may be missing is declared with `optional = true`"
    );
}

#[test]
fn mistakes_about_mariadb_are_told_apart() {
    let place = Place::new(false);
    each(
        &place,
        &[
            (
                "password = \"wrong\"",
                "Failed shop connecting: Access denied for user 'engine'@'127.0.0.1' (using password: YES)\n\
                 help check `user`, `password` and the hosts that the account may come from",
            ),
            (
                "host = \"no-such-host.invalid\"\nport = 3306\nssl_mode = \"disabled\"",
                "Failed shop connecting: error communicating with database: failed to lookup address information: \
                 Name or service not known\n\
                 help is the server running at no-such-host.invalid:3306/HERE? check `host` and `port`",
            ),
            (
                "port = 1",
                "Failed shop connecting: error communicating with database: Connection refused (os error 111)\n\
                 help is the server running at 127.0.0.1:1/HERE? check `host` and `port`",
            ),
            (
                "database = \"nowhere\"",
                "Failed shop connecting: Unknown database 'nowhere'\n\
                 help check `database`, or create it; the server is ADDRESS/nowhere",
            ),
        ],
    );
    let keys = place.role(&["insert on HERE.orders"]);
    assert_eq!(
        place.said(&keys, false),
        "Failed shop opening `orders`: SELECT command denied to user 'HERE'@'127.0.0.1' for table `HERE`.`orders`\n\
         help grant the right to the connection's account"
    );
    place.administer(&format!("grant select on {}.* to {0}@'%'", place.name));
    assert_eq!(
        place.said(&keys, true),
        "Failed marts trying to write: CREATE command denied to user 'HERE'@'127.0.0.1' for table `HERE`.`engine_stage_trial`\n\
         help let an administrator run `grant select, insert, update, delete, create, drop, alter, index, references, trigger \
         on `HERE`.* to …`"
    );
    place.administer(&format!("drop table {}.orders", place.name));
    assert_eq!(
        place.said(&keys, false),
        "Failed shop opening `orders`: there is no table `orders` in database `HERE`\n\
         help check the table's name and `database`; a source's table that may be missing is declared with `optional = true`"
    );
}

#[test]
fn what_is_right_is_left_as_it_was() {
    for postgres in [true, false] {
        let place = Place::new(postgres);
        let rights = if postgres {
            &["usage, create on schema HERE", "select on HERE.orders"][..]
        } else {
            &["select, insert, update, delete, create, drop, alter, index, references, trigger on HERE.*"]
        };
        let keys = place.role(rights);
        let sources = PROJECT.replace("SHOP", &keys).replace("MARTS", &keys);
        let test = Test::new().file("project/sources.toml", &sources);
        let model = "{{ config(alias = 'copied') }} select id from {{ source('shop', 'orders') }}";
        let test = test.file("project/models/orders.sql", model);
        let done = test.run(&["doctor"]).code(0).says("Reached shop").says("Reached marts");
        assert_eq!(done.stderr.matches("1 table").count(), 2, "{}", done.stderr);
        let json = test.run(&["doctor", "--output", "json"]).code(0).stdout;
        assert_eq!(json.matches("\"errors\":[]").count(), 2, "{json}");
        // And what the doctor promises, holds.
        test.run(&["run"]).code(0).says("Succeeded orders");
        test.run(&["doctor"]).code(0).says("2 tables");
    }
}

#[test]
fn a_password_comes_from_the_environment_and_is_not_shown() {
    let place = Place::new(true);
    let keys = place.role(&["usage, create on schema HERE", "select on HERE.orders"]).replace(":secret@", "@");
    let sources = PROJECT
        .replace("SHOP", &format!("{keys}\npassword = \"${{SECRET}}\""))
        .replace("MARTS", "type = \"sqlite\"\npath = \"x.db\"");
    let test = Test::new().file("project/sources.toml", &sources);
    let with =
        |secret: &str| crate::builder::Done::of(test.command(&["doctor"]).env("SECRET", secret).output().unwrap());
    with("secret").code(0);
    let wrong = with("another-secret").code(1).says("password authentication failed");
    assert!(!wrong.stderr.contains("another-secret"), "{}", wrong.stderr);
}
