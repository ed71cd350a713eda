//! Who watches the topic: consumer groups that are told how far a stream is.

use super::place::{Place, event};

#[test]
fn a_group_is_told_how_far_a_stream_is_and_never_asked() {
    let place = Place::new(2);
    assert_eq!(place.told("engine.users", 2), [None, None]);
    let events: Vec<String> = (0..20).map(|n| event(&format!("{n}@x"), n)).collect();
    place.send(&events);
    place.test.run(&["run"]).code(0);
    let told = place.told("engine.users", 2);
    assert_eq!(told.iter().flatten().sum::<i64>(), 20, "{told:?}");
    // Whatever others make of that: the target knows.
    place.tell("engine.users", 0);
    place.test.run(&["run"]).code(0).says("no new events");
    place.tell("engine.users", 1_000_000);
    place.send(&[event("new@x", 99)]);
    place.test.run(&["run"]).code(0).says("1 event");
    assert_eq!(place.told("engine.users", 2).iter().flatten().sum::<i64>(), 21);
}

#[test]
fn the_names_of_groups_begin_as_the_user_says() {
    let place = Place::new(1);
    let sources = place.test.read("project/sources.toml");
    let named = sources.replace("prefix = ", "librdkafka = { \"group.id\" = \"shop\" }\nprefix = ");
    place.test.write("project/sources.toml", &named);
    place.send(&[event("a@x", 1)]);
    place.test.run(&["run"]).code(0);
    assert_eq!(place.told("shop.users", 1), [Some(1)]);
}
