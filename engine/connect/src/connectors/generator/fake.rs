//! Fake data: the words that `fake = "…"` knows.

use super::seeded_random::SeededRandom;

/// Everything that can be faked.
pub const KNOWN: &[&str] = &[
    "city",
    "company",
    "country",
    "email",
    "first_name",
    "last_name",
    "name",
    "paragraph",
    "phone",
    "product",
    "category",
    "sentence",
    "street",
    "url",
    "uuid",
    "word",
];

const FIRST: &[&str] = &[
    "Anna", "Boris", "Clara", "David", "Elena", "Felix", "Greta", "Hugo", "Irina", "Jonas", "Katja", "Lukas", "Maria",
    "Nikolai", "Olga", "Paul", "Rosa", "Stefan", "Tanja", "Viktor", "Wanda", "Yusuf", "Zoe", "Amira", "Bruno", "Dana",
    "Emil", "Farah", "Ines", "Karim", "Lea", "Mateo", "Noor", "Oskar", "Priya", "Rafael", "Sofia", "Timur", "Uma",
    "Wei",
];
const LAST: &[&str] = &[
    "Adler", "Becker", "Costa", "Dubois", "Ericson", "Fischer", "Garcia", "Haddad", "Ivanov", "Jansen", "Keller",
    "Lind", "Moreau", "Novak", "Okafor", "Petrov", "Quist", "Rossi", "Santos", "Tanaka", "Usman", "Vogel", "Weber",
    "Xu", "Yilmaz", "Zeman", "Andersen", "Brandt", "Castro", "Duarte", "Engel", "Ferrari", "Gruber", "Hansen",
    "Kowalski", "Larsen",
];
const WORDS: &[&str] = &[
    "amber", "basket", "canvas", "drift", "ember", "fabric", "garden", "harbor", "island", "jacket", "kettle",
    "lantern", "meadow", "needle", "orchard", "pocket", "quartz", "river", "saddle", "timber", "umbrella", "velvet",
    "window", "yarn", "zephyr", "bright", "calm", "deep", "early", "fine", "good", "heavy", "light", "narrow", "open",
    "plain", "quiet", "round", "soft", "warm",
];
const THINGS: &[&str] = &[
    "Lamp", "Chair", "Table", "Kettle", "Jacket", "Bottle", "Backpack", "Notebook", "Clock", "Blanket", "Knife", "Pan",
    "Mug", "Shelf", "Speaker", "Tent", "Bicycle", "Helmet", "Camera", "Puzzle",
];
const TRAITS: &[&str] = &[
    "Oak", "Steel", "Linen", "Compact", "Classic", "Nordic", "Travel", "Folding", "Ceramic", "Woolen", "Bright",
    "Quiet", "Solid", "Light", "Handmade", "Cotton",
];
const GROUPS: &[&str] = &[
    "Kitchen",
    "Garden",
    "Books",
    "Toys",
    "Outdoor",
    "Office",
    "Music",
    "Sports",
    "Beauty",
    "Lighting",
    "Clothing",
    "Furniture",
    "Tools",
    "Games",
    "Travel",
    "Electronics",
    "Pets",
    "Art",
    "Health",
    "Food",
];
const CITIES: &[&str] =
    &["Berlin", "Porto", "Oslo", "Lyon", "Graz", "Turin", "Gdansk", "Aarhus", "Ghent", "Bilbao", "Tartu", "Brno"];
const COUNTRIES: &[&str] = &[
    "Germany", "Portugal", "Norway", "France", "Austria", "Italy", "Poland", "Denmark", "Belgium", "Spain", "Estonia",
];

fn pick<'a>(words: &[&'a str], chance: SeededRandom, row: u64) -> &'a str {
    let index = usize::try_from(chance.below(row, words.len() as u64)).expect("an index into a short list");
    words[index]
}

/// The fake word of a row. A `unique` one carries the row's number.
pub fn fake(word: &str, seed: u64, column: &str, row: u64, unique: bool) -> String {
    let chance = |use_of: &str| SeededRandom::new(seed, column, use_of);
    let number = |use_of: &str, n: u64| chance(use_of).below(row, n);
    let text = match word {
        "first_name" => pick(FIRST, chance("first"), row).to_owned(),
        "last_name" => pick(LAST, chance("last"), row).to_owned(),
        "name" => format!("{} {}", pick(FIRST, chance("first"), row), pick(LAST, chance("last"), row)),
        "email" => {
            let (first, last) = (pick(FIRST, chance("first"), row), pick(LAST, chance("last"), row));
            let number = if unique { row } else { number("number", 10_000) };
            return format!("{}.{}.{number}@example.com", first.to_lowercase(), last.to_lowercase());
        }
        "phone" => format!("+49 30 {:07}", number("phone", 10_000_000)),
        "company" => format!("{} & {}", pick(LAST, chance("last"), row), pick(LAST, chance("other"), row)),
        "product" => format!(
            "{} {} {}",
            pick(TRAITS, chance("trait"), row),
            pick(THINGS, chance("thing"), row),
            number("model", 900) + 100
        ),
        "category" => pick(GROUPS, chance("group"), row).to_owned(),
        "city" => pick(CITIES, chance("city"), row).to_owned(),
        "country" => pick(COUNTRIES, chance("country"), row).to_owned(),
        "street" => format!("{} Street {}", capital(pick(WORDS, chance("street"), row)), number("house", 200) + 1),
        "url" => format!("https://example.com/{}/{}", pick(WORDS, chance("path"), row), number("page", 100_000)),
        "uuid" => uuid(chance("high").bits(row), chance("low").bits(row)),
        "word" => pick(WORDS, chance("word"), row).to_owned(),
        "sentence" => sentence(seed, column, row, 0),
        _ => {
            let sentences: Vec<String> = (0..3).map(|i| sentence(seed, column, row, i)).collect();
            sentences.join(" ")
        }
    };
    if unique && word != "uuid" { format!("{text} {row}") } else { text }
}

fn sentence(seed: u64, column: &str, row: u64, part: u64) -> String {
    let length = 5 + SeededRandom::new(seed, column, "length").below(row * 8 + part, 6);
    let chance = SeededRandom::new(seed, column, "sentence");
    let words: Vec<&str> = (0..length).map(|i| pick(WORDS, chance, (row * 8 + part) * 16 + i)).collect();
    format!("{}.", capital(&words.join(" ")))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Version 4, variant 1 (RFC 9562).
fn uuid(high: u64, low: u64) -> String {
    let high = (high & !0xf000) | 0x4000;
    let low = (low & !(0b11 << 62)) | (0b10 << 62);
    let (h, l) = (format!("{high:016x}"), format!("{low:016x}"));
    format!("{}-{}-{}-{}-{}", &h[..8], &h[8..12], &h[12..], &l[..4], &l[4..])
}
