//! Reads an alias's history from its description, and writes it there. Never loses text that other people or
//! tools wrote into a description, unless the stanza has another one.

/// The previous versions of an alias, stored at the end of its description: `for the shop (at 7, before: 5,
/// 3)`. AWS keeps no such history. Version numbers do not replace it, because a version that failed
/// verification may lie between two that passed. While this program shifts traffic, the description also
/// names the target: `(at 7, to 8, before: 5, 3)`. So weights that the description does not name were set by
/// someone else. While CodeDeploy shifts it for this program: `(at 7, codedeploy to 8, before: 5, 3)`.
/// CodeDeploy keeps the description when it moves the alias to version 8, whose previous versions are then 7,
/// 5 and 3.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AliasHistory {
    /// Text before the history: that of the stanza, or of other people and tools.
    text: String,
    /// The alias's version when the history was written, and its previous versions, latest first. `None`: the
    /// description has no history.
    recorded: Option<(String, Vec<String>)>,
    /// The alias's version when a shift began, and the version that gets a share of its traffic. `None`: this
    /// program shifts no traffic.
    shift: Option<(String, String)>,
    /// The shift that CodeDeploy was to carry out. `None`: there is none.
    codedeploy: Option<CodeDeployShift>,
}

/// A shift of an alias by CodeDeploy.
#[derive(Clone, Debug, PartialEq, Eq)]
struct CodeDeployShift {
    /// The alias's version when the shift began.
    from: String,
    /// The version to which CodeDeploy moves the alias.
    to: String,
    /// The previous versions of an alias that CodeDeploy has moved to `to`, latest first.
    before: Vec<String>,
}

/// AWS's limit for a description, in characters.
const MAX_DESCRIPTION_CHARS: usize = 256;

/// The history contains at most this many previous versions.
const MAX_PREVIOUS_VERSIONS: usize = 10;

/// Names the target of a shift that CodeDeploy carries out.
const CODEDEPLOY_TO: &str = ", codedeploy to ";

impl AliasHistory {
    /// Reads the history from a description. A description in another form is kept as text.
    pub(crate) fn of(description: &str) -> Self {
        let unknown = || AliasHistory { text: description.to_owned(), ..AliasHistory::default() };
        let Some((text, inside)) = description.strip_suffix(')').and_then(|rest| rest.rsplit_once("(at "))
        else {
            return unknown();
        };
        let (places, before) = match inside.split_once(", before: ") {
            Some((places, "none")) => (places, Some(Vec::new())),
            Some((places, before)) => (places, Some(before.split(", ").collect::<Vec<&str>>())),
            None => (inside, None),
        };
        let (at, to, by_codedeploy) = match (places.split_once(", to "), places.split_once(CODEDEPLOY_TO)) {
            (Some((at, to)), _) => (at, Some(to), false),
            (None, Some((at, to))) => (at, Some(to), true),
            (None, None) => (places, None, false),
        };
        let is_other = |version: &&str| version.parse::<u64>().is_err();
        if (before.is_none() && to.is_none()) || before.iter().flatten().chain(&to).chain([&at]).any(is_other)
        {
            return unknown();
        }
        let recorded = before.map(|before| (at.to_owned(), before.into_iter().map(str::to_owned).collect()));
        let history = AliasHistory { text: text.trim_end().to_owned(), recorded, ..AliasHistory::default() };
        match to {
            Some(to) if by_codedeploy => history.with_codedeploy(at, to),
            to => history.with_shift(at, to),
        }
    }

    /// The history of a new alias.
    pub(crate) fn new() -> Self {
        AliasHistory { recorded: Some((String::new(), Vec::new())), ..AliasHistory::default() }
    }

    /// The history behind another text.
    #[must_use]
    pub(crate) fn with_text(&self, text: &str) -> Self {
        AliasHistory { text: text.to_owned(), ..self.clone() }
    }

    /// The text before the history.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The previous versions of an alias that is at `version`, latest first. `None`: they are unknown,
    /// because someone else moved the alias to `version`.
    pub(crate) fn before(&self, version: &str) -> Option<&[String]> {
        let recorded = self.recorded.as_ref().filter(|(at, _)| at == version).map(|(_, before)| before);
        let moved = self.codedeploy.as_ref().filter(|shift| shift.to == version).map(|shift| &shift.before);
        recorded.or(moved).map(Vec::as_slice)
    }

    /// The version to which this program shifts traffic of an alias that is at `version`. `None`: it shifts
    /// none.
    pub(crate) fn shift(&self, version: &str) -> Option<&str> {
        self.shift.as_ref().filter(|(at, _)| at == version).map(|(_, to)| to.as_str())
    }

    /// The version to which CodeDeploy was to shift an alias that is at `version`. `None`: to none.
    pub(crate) fn codedeploy_shift(&self, version: &str) -> Option<&str> {
        self.codedeploy.as_ref().filter(|shift| shift.from == version).map(|shift| shift.to.as_str())
    }

    /// True if the history records that CodeDeploy moved the alias to `version`, or is doing so.
    pub(crate) fn is_codedeploy_target(&self, version: &str) -> bool {
        self.codedeploy.as_ref().is_some_and(|shift| shift.to == version)
    }

    /// The history of an alias that stays at `version` and sends a share of its traffic to `to`. `None` ends
    /// the shift, also one by CodeDeploy.
    #[must_use]
    pub(crate) fn with_shift(&self, version: &str, to: Option<&str>) -> Self {
        let recorded = self.before(version).map(|before| (version.to_owned(), before.to_vec()));
        AliasHistory {
            recorded,
            shift: to.map(|to| (version.to_owned(), to.to_owned())),
            codedeploy: None,
            text: self.text.clone(),
        }
    }

    /// True if the description of an alias at `version` has space for the record of a shift to a later
    /// version.
    pub(crate) fn can_record_shift(&self, version: &str) -> bool {
        let later = "9".repeat(version.len() + 1);
        self.with_shift(version, Some(&later)).to_description(version).is_some()
    }

    /// The history of an alias that is at `version` and that CodeDeploy shifts to `to`.
    #[must_use]
    pub(crate) fn with_codedeploy(&self, version: &str, to: &str) -> Self {
        let before = self.moved_from(version).recorded.map(|(_, before)| before).unwrap_or_default();
        let shift = CodeDeployShift { from: version.to_owned(), to: to.to_owned(), before };
        AliasHistory { codedeploy: Some(shift), ..self.with_shift(version, None) }
    }

    /// The history of an alias that moves from `version` to another one.
    #[must_use]
    pub(crate) fn moved_from(&self, version: &str) -> Self {
        let last = Some(version).filter(|version| version.parse::<u64>().is_ok()).map(str::to_owned);
        let earlier = self.before(version).unwrap_or_default().iter().cloned();
        let recorded = Some((String::new(), last.into_iter().chain(earlier).collect()));
        AliasHistory { recorded, text: self.text.clone(), ..AliasHistory::default() }
    }

    /// The history of an alias that is rolled back from `version` to `target`.
    #[must_use]
    pub(crate) fn rolled_back(&self, version: &str, target: &str) -> Self {
        let rest = self.before(version).and_then(|before| {
            let index = before.iter().position(|earlier| earlier == target)?;
            Some((String::new(), before[index + 1..].to_vec()))
        });
        AliasHistory { recorded: rest, text: self.text.clone(), ..AliasHistory::default() }
    }

    /// The description of an alias that nothing moves. It records the version that it recorded before, also
    /// if someone else has moved the alias since. `None`: it would exceed AWS's limit.
    pub(crate) fn unmoved_description(&self) -> Option<String> {
        let recorded = self.recorded.as_ref().map(|(at, _)| at);
        let shift = self.shift.as_ref().map(|(at, _)| at);
        let at = recorded.or(shift).or(self.codedeploy.as_ref().map(|shift| &shift.from));
        self.to_description(at.map_or("", String::as_str))
    }

    /// The description of an alias with this history that is now at `version`. `None`: it would exceed AWS's
    /// limit.
    pub(crate) fn to_description(&self, version: &str) -> Option<String> {
        let before = self.recorded.as_ref().map(|(_, before)| {
            let before = before
                .iter()
                .map(String::as_str)
                .filter(|earlier| *earlier != version)
                .take(MAX_PREVIOUS_VERSIONS);
            let before = before.collect::<Vec<_>>().join(", ");
            format!(", before: {}", if before.is_empty() { "none" } else { &before })
        });
        let ours = self.shift.as_ref().map(|(_, to)| format!(", to {to}"));
        let to = ours.or_else(|| Some(format!("{CODEDEPLOY_TO}{}", self.codedeploy.as_ref()?.to)));
        let recorded = [to, before].into_iter().flatten().collect::<String>();
        let end = (!recorded.is_empty()).then(|| format!("(at {version}{recorded})"));
        let parts = [Some(self.text.clone()).filter(|text| !text.is_empty()), end];
        let description = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        (description.chars().count() <= MAX_DESCRIPTION_CHARS).then_some(description)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_is_written_after_the_text_of_others() {
        let first = AliasHistory::new().to_description("1").expect("short");
        assert_eq!(first, "(at 1, before: none)");
        let second = AliasHistory::of(&first).moved_from("1").to_description("3").expect("short");
        assert_eq!(second, "(at 3, before: 1)");
        let third = AliasHistory::of(&second).moved_from("3").to_description("4").expect("short");
        assert_eq!(third, "(at 4, before: 3, 1)");
        assert_eq!(
            AliasHistory::of("for the shop").moved_from("4").to_description("7").expect("short"),
            "for the shop (at 7, before: 4)"
        );
        let own = AliasHistory::of("for the shop (at 7, before: 4)")
            .moved_from("7")
            .to_description("8")
            .expect("short");
        assert_eq!(own, "for the shop (at 8, before: 7, 4)");
        assert_eq!(
            AliasHistory::of("").moved_from("$LATEST").to_description("1").expect("short"),
            "(at 1, before: none)"
        );
    }

    #[test]
    fn another_text_keeps_the_history() {
        for (description, expected) in [
            ("for the shop (at 7, before: 5)", "the shop (at 7, before: 5)"),
            ("(at 7, before: none)", "the shop (at 7, before: none)"),
            ("for the shop (at 7, to 8, before: 5, 3)", "the shop (at 7, to 8, before: 5, 3)"),
            ("(at 7, codedeploy to 8)", "the shop (at 7, codedeploy to 8)"),
            ("for the shop", "the shop"),
            ("", "the shop"),
        ] {
            let history = AliasHistory::of(description).with_text("the shop");
            assert_eq!(history.unmoved_description().as_deref(), Some(expected));
            let read = AliasHistory::of(expected);
            assert_eq!((read.text(), &read), ("the shop", &history), "{expected}");
            let cleared = history.with_text("").unmoved_description().expect("short");
            assert_eq!(AliasHistory::of(&cleared), history.with_text(""), "{cleared}");
        }
    }

    #[test]
    fn the_longest_text_of_a_stanza_leaves_space_for_ten_versions_and_a_shift() {
        let before: Vec<String> = (100_000..100_010).rev().map(|number: u64| number.to_string()).collect();
        let recorded = Some(("100010".to_owned(), before));
        let history = AliasHistory { recorded, ..AliasHistory::default() }.with_text(&"x".repeat(128));
        assert!(history.can_record_shift("100010"));
        assert!(history.with_codedeploy("100010", "100011").to_description("100010").is_some());
        let read = AliasHistory::of(&history.moved_from("100010").to_description("100011").expect("short"));
        assert_eq!(read.before("100011").map(<[String]>::len), Some(10));
    }

    #[test]
    fn the_way_back_shortens_it() {
        let history = AliasHistory::of("x (at 9, before: 7, 4, 2)");
        assert_eq!(history.before("9"), Some(&["7", "4", "2"].map(str::to_owned)[..]));
        assert_eq!(
            history.rolled_back("9", "7").to_description("7").expect("short"),
            "x (at 7, before: 4, 2)"
        );
        assert_eq!(
            history.rolled_back("9", "2").to_description("2").expect("short"),
            "x (at 2, before: none)"
        );
        // The history does not contain version 5, so the versions before it are unknown.
        assert_eq!(history.rolled_back("9", "5").to_description("5").expect("short"), "x");
    }

    #[test]
    fn a_shift_is_recorded_as_long_as_it_lasts() {
        let history = AliasHistory::of("for the shop (at 7, before: 5, 3)");
        assert_eq!(history.shift("7"), None);
        let shifting = history.with_shift("7", Some("8")).to_description("7").expect("short");
        assert_eq!(shifting, "for the shop (at 7, to 8, before: 5, 3)");
        let read = AliasHistory::of(&shifting);
        assert_eq!((read.shift("7"), read.shift("8")), (Some("8"), None));
        assert_eq!(read.before("7"), Some(&["5", "3"].map(str::to_owned)[..]));
        assert_eq!(
            read.with_shift("7", None).to_description("7").expect("short"),
            "for the shop (at 7, before: 5, 3)"
        );
        assert_eq!(
            read.moved_from("7").to_description("8").expect("short"),
            "for the shop (at 8, before: 7, 5, 3)"
        );
        assert_eq!(
            read.rolled_back("7", "5").to_description("5").expect("short"),
            "for the shop (at 5, before: 3)"
        );
        // The previous versions of an alias that someone else created are unknown.
        let theirs =
            AliasHistory::of("theirs").with_shift("7", Some("8")).to_description("7").expect("short");
        assert_eq!(theirs, "theirs (at 7, to 8)");
        assert_eq!(
            (AliasHistory::of(&theirs).shift("7"), AliasHistory::of(&theirs).before("7")),
            (Some("8"), None)
        );
        assert_eq!(
            AliasHistory::of(&theirs).with_shift("7", None).to_description("7").expect("short"),
            "theirs"
        );
    }

    #[test]
    fn a_shift_by_codedeploy_is_recorded_and_ends_at_either_version() {
        let history = AliasHistory::of("for the shop (at 7, before: 5)");
        let shifting = history.with_codedeploy("7", "8").to_description("7").expect("short");
        assert_eq!(shifting, "for the shop (at 7, codedeploy to 8, before: 5)");
        let read = AliasHistory::of(&shifting);
        assert_eq!(read, history.with_codedeploy("7", "8"));
        assert_eq!((read.codedeploy_shift("7"), read.codedeploy_shift("8")), (Some("8"), None));
        assert_eq!((read.is_codedeploy_target("7"), read.is_codedeploy_target("8")), (false, true));
        assert_eq!(read.shift("7"), None, "the weights are not ours");
        // CodeDeploy went back to 7, or moved the alias to 8.
        assert_eq!(read.before("7"), Some(&["5".to_owned()][..]));
        assert_eq!(read.before("8"), Some(&["7", "5"].map(str::to_owned)[..]));
        assert_eq!(read.before("9"), None);
        let at = |history: AliasHistory, version| history.to_description(version).expect("short");
        assert_eq!(at(read.moved_from("7"), "8"), "for the shop (at 8, before: 7, 5)");
        assert_eq!(at(read.moved_from("8"), "9"), "for the shop (at 9, before: 8, 7, 5)");
        assert_eq!(at(read.rolled_back("8", "7"), "7"), "for the shop (at 7, before: 5)");
        assert_eq!(at(read.with_shift("7", None), "7"), "for the shop (at 7, before: 5)");
        assert_eq!(
            at(read.with_codedeploy("8", "9"), "8"),
            "for the shop (at 8, codedeploy to 9, before: 7, 5)"
        );
        // The previous versions of an alias that someone else created are unknown, except the last one.
        let theirs = AliasHistory::of("theirs").with_codedeploy("7", "8").to_description("7").expect("short");
        assert_eq!(theirs, "theirs (at 7, codedeploy to 8)");
        assert_eq!(AliasHistory::of(&theirs).before("8"), Some(&["7".to_owned()][..]));
        assert_eq!(AliasHistory::of("(at 7, codedeploy to x)").codedeploy_shift("7"), None);
    }

    #[test]
    fn a_history_of_another_version_is_none() {
        assert_eq!(AliasHistory::of("(at 9, before: 7)").before("8"), None);
        assert_eq!(
            AliasHistory::of("(at 9, before: 7)").moved_from("8").to_description("10").expect("short"),
            "(at 10, before: 8)"
        );
        for text in [
            "",
            "x",
            "(at 9)",
            "(at x, before: 1)",
            "(at 9, before: x)",
            "(at 9, before: )",
            "(at 9, before: 1) x",
        ] {
            assert_eq!(AliasHistory::of(text).before("9"), None, "{text}");
            assert_eq!(
                AliasHistory::of(text).rolled_back("9", "1").to_description("1").as_deref(),
                Some(text)
            );
        }
    }

    #[test]
    fn it_goes_on_for_ten_steps_and_never_costs_a_text() {
        let many: Vec<String> = (1..40).rev().map(|number: u64| number.to_string()).collect();
        let long = AliasHistory { recorded: Some(("40".to_owned(), many)), ..AliasHistory::default() };
        let recorded = AliasHistory::of(&long.moved_from("40").to_description("41").expect("short"));
        assert_eq!(recorded.before("41").map(<[String]>::len), Some(10));
        assert_eq!(AliasHistory::of(&"x".repeat(250)).moved_from("1").to_description("2"), None);
    }

    #[test]
    fn a_version_is_not_before_itself() {
        assert_eq!(
            AliasHistory::of("(at 7, before: 5, 3)").moved_from("7").to_description("5").expect("short"),
            "(at 5, before: 7, 3)"
        );
    }
}
