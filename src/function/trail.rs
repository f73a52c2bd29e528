//! An alias's description in, where the alias has been out, and the other way round.
//! Never loses what somebody else has written into a description.

/// Where an alias has been, as its description tells at its end: `for the shop (at 7, before: 5, 3)`. AWS keeps no such
/// thing, and a version's number does not tell: one that did not pass stands between two that did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    /// What somebody else has written.
    text: String,
    /// Where it is, and where it was before that, the last one first. `None`: the description tells nothing of it.
    told: Option<(String, Vec<String>)>,
}

/// AWS's limit of a description, in characters.
const LONGEST: usize = 256;

/// As many steps back are told.
const STEPS: usize = 10;

impl Trail {
    /// Reads a description.
    pub fn of(description: &str) -> Self {
        let unknown = || Trail { text: description.to_owned(), told: None };
        let Some((text, inside)) = description.strip_suffix(')').and_then(|rest| rest.rsplit_once("(at ")) else {
            return unknown();
        };
        let Some((at, before)) = inside.split_once(", before: ") else { return unknown() };
        let before: Vec<&str> = if before == "none" { Vec::new() } else { before.split(", ").collect() };
        if before.iter().chain([&at]).any(|version| version.parse::<u64>().is_err()) {
            return unknown();
        }
        let before = before.into_iter().map(str::to_owned).collect();
        Trail { text: text.trim_end().to_owned(), told: Some((at.to_owned(), before)) }
    }

    /// That of an alias which has been nowhere.
    pub fn new() -> Self {
        Trail { text: String::new(), told: Some((String::new(), Vec::new())) }
    }

    /// Where an alias at `version` was before, the last one first. `None`: nobody knows; somebody else has moved it there.
    pub fn before(&self, version: &str) -> Option<&[String]> {
        self.told.as_ref().filter(|(at, _)| at == version).map(|(_, before)| before.as_slice())
    }

    /// That of an alias which leaves `version` for another one.
    #[must_use]
    pub fn leaving(&self, version: &str) -> Self {
        let last = Some(version).filter(|version| version.parse::<u64>().is_ok()).map(str::to_owned);
        let earlier = self.before(version).unwrap_or_default().iter().cloned();
        Trail { told: Some((String::new(), last.into_iter().chain(earlier).collect())), ..self.clone() }
    }

    /// That of an alias which goes back from `version` to `target`.
    #[must_use]
    pub fn back(&self, version: &str, target: &str) -> Self {
        let rest = self.before(version).and_then(|before| {
            let index = before.iter().position(|earlier| earlier == target)?;
            Some((String::new(), before[index + 1..].to_vec()))
        });
        Trail { told: rest, ..self.clone() }
    }

    /// The description of an alias with this trail that is at `version` now. `None`: there is no room for it.
    pub fn described(&self, version: &str) -> Option<String> {
        let end = self.told.as_ref().map(|(_, before)| {
            let before = before.iter().map(String::as_str).filter(|earlier| *earlier != version).take(STEPS);
            let before = before.collect::<Vec<_>>().join(", ");
            format!("(at {version}, before: {})", if before.is_empty() { "none" } else { &before })
        });
        let parts = [Some(self.text.clone()).filter(|text| !text.is_empty()), end];
        let description = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        (description.chars().count() <= LONGEST).then_some(description)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trail_is_told_behind_what_somebody_else_has_written() {
        let first = Trail::new().described("1").expect("short");
        assert_eq!(first, "(at 1, before: none)");
        let second = Trail::of(&first).leaving("1").described("3").expect("short");
        assert_eq!(second, "(at 3, before: 1)");
        let third = Trail::of(&second).leaving("3").described("4").expect("short");
        assert_eq!(third, "(at 4, before: 3, 1)");
        assert_eq!(
            Trail::of("for the shop").leaving("4").described("7").expect("short"),
            "for the shop (at 7, before: 4)"
        );
        let own = Trail::of("for the shop (at 7, before: 4)").leaving("7").described("8").expect("short");
        assert_eq!(own, "for the shop (at 8, before: 7, 4)");
        assert_eq!(Trail::of("").leaving("$LATEST").described("1").expect("short"), "(at 1, before: none)");
    }

    #[test]
    fn the_way_back_shortens_it() {
        let trail = Trail::of("x (at 9, before: 7, 4, 2)");
        assert_eq!(trail.before("9"), Some(&["7", "4", "2"].map(str::to_owned)[..]));
        assert_eq!(trail.back("9", "7").described("7").expect("short"), "x (at 7, before: 4, 2)");
        assert_eq!(trail.back("9", "2").described("2").expect("short"), "x (at 2, before: none)");
        // Nobody knows what was before a version that the alias has never been at.
        assert_eq!(trail.back("9", "5").described("5").expect("short"), "x");
    }

    #[test]
    fn a_trail_of_another_version_is_none() {
        assert_eq!(Trail::of("(at 9, before: 7)").before("8"), None);
        assert_eq!(Trail::of("(at 9, before: 7)").leaving("8").described("10").expect("short"), "(at 10, before: 8)");
        for text in
            ["", "x", "(at 9)", "(at x, before: 1)", "(at 9, before: x)", "(at 9, before: )", "(at 9, before: 1) x"]
        {
            assert_eq!(Trail::of(text).before("9"), None, "{text}");
            assert_eq!(Trail::of(text).back("9", "1").described("1").as_deref(), Some(text));
        }
    }

    #[test]
    fn it_goes_on_for_ten_steps_and_never_costs_a_text() {
        let many: Vec<String> = (1..40).rev().map(|number: u64| number.to_string()).collect();
        let long = Trail { text: String::new(), told: Some(("40".to_owned(), many)) };
        let told = Trail::of(&long.leaving("40").described("41").expect("short"));
        assert_eq!(told.before("41").map(<[String]>::len), Some(10));
        assert_eq!(Trail::of(&"x".repeat(250)).leaving("1").described("2"), None);
    }

    #[test]
    fn a_version_is_not_before_itself() {
        assert_eq!(
            Trail::of("(at 7, before: 5, 3)").leaving("7").described("5").expect("short"),
            "(at 5, before: 7, 3)"
        );
    }
}
