-- What `engine serve` remembers: schedules and the runs that are wanted, who may do what, and who did.
create table schedules (target text not null, name text not null, said text not null, settled_us integer,
    ready_us integer not null, paused_us integer, paused_by text, primary key (target, name));
create table jobs (id integer primary key autoincrement, target text not null, schedule text, cause text not null,
    batch text, at_us integer not null, from_us integer not null, wanted text not null, asked_by text,
    state text not null, ready_us integer not null, failures integer not null default 0,
    cuts integer not null default 0, late integer not null default 0, run text, created_us integer not null,
    started_us integer, ended_us integer, said text);
create index jobs_open on jobs (target, id) where state in ('waiting', 'running');
create index jobs_schedule on jobs (target, schedule, id);
create index jobs_batch on jobs (batch) where batch is not null;
create unique index jobs_due on jobs (target, schedule, at_us) where cause = 'due';
create table alerts (id integer primary key autoincrement, target text not null, schedule text not null, job integer,
    run text, kind text not null, said text not null, at_us integer not null, tries integer not null default 0,
    ready_us integer not null, state text not null default 'waiting');
create index alerts_open on alerts (ready_us) where state = 'waiting';

alter table runs add column job integer;
alter table runs add column schedule text;
alter table runs add column cause text;
alter table runs add column asked_by text;
create index runs_started on runs (started_us);
create index runs_schedule on runs (schedule, started_us) where schedule is not null;
alter table nodes add column started_us integer;
alter table nodes add column events integer;
alter table nodes add column rejected integer;
drop index nodes_run;
create index nodes_run on nodes (run, status);
create index nodes_node on nodes (node, run);
create table checks (target text not null, node text not null, name text not null, severity text not null,
    failing integer not null, examples text not null, run text not null, at_us integer not null,
    since_us integer not null, primary key (target, node, name));

create table users (name text primary key, password text not null, role text not null,
    first_password integer not null default 0, created_us integer not null);
create table sessions (key text primary key, name text not null, created_us integer not null, seen_us integer not null);
create index sessions_name on sessions (name);
create table machines (id integer primary key autoincrement, name text not null unique, key text not null unique,
    role text not null, made_by text not null, created_us integer not null, seen_us integer);
create table audit (id integer primary key autoincrement, at_us integer not null, who text not null,
    address text not null, did text not null, what text not null);
create table secrets (name text primary key, value blob not null);
