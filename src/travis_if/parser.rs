//! Parses a condition as Travis's parser does. Never evaluates anything.
//!
//! Travis's parser knows no words, only beginnings of the text that is left: `notag` is `NOT ag`, and
//! `environment` is the text `ironment`, because the name of the function `env` is skipped even if no
//! parenthesis follows. Such a condition has the same meaning here.

use super::language::{Expression, InvalidCondition, Operand, Variable};

/// Maximum nesting of parentheses, `NOT` and function calls. Travis's parser is limited by its stack only.
const MAX_DEPTH: usize = 100;

pub(super) fn parse(condition: &str) -> Result<Expression, InvalidCondition> {
    let text = join_lines(condition);
    let mut parser = Parser { text: text.as_bytes(), at: 0, depth: 0 };
    let expression = parser.any()?;
    if parser.rest().is_empty() { Ok(expression) } else { Err(parser.expected("`AND`, `OR` or the end")) }
}

/// Replaces a backslash at the end of a line, and the white space up to the last line break after it, by a
/// space.
fn join_lines(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        joined.push_str(before);
        let space = after.bytes().take_while(|byte| is_space(*byte)).count();
        if let Some(end) = after[..space].rfind(['\n', '\r']) {
            joined.push(' ');
            rest = &after[end + 1..];
        } else {
            joined.push('\\');
            rest = after;
        }
    }
    joined.push_str(rest);
    joined
}

/// White space in Ruby: a space, tab, line feed, vertical tab, form feed, or carriage return.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn negated(is_negated: bool, expression: Expression) -> Expression {
    if is_negated { Expression::Not(Box::new(expression)) } else { expression }
}

struct Parser<'a> {
    /// Bytes, because a position may be within a character: see [`Parser::pattern`].
    text: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at += self.rest().iter().take_while(|byte| is_space(**byte)).count();
    }

    /// Skips the first of `words` that the rest begins with, in any letter case, and the white space around
    /// it. If the rest begins with none of them, skips the white space only.
    fn take(&mut self, words: &[&'static str]) -> Option<&'static str> {
        self.skip_space();
        let rest = self.rest();
        let begins = |word: &str| {
            rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
        };
        let word = words.iter().copied().find(|word| begins(word))?;
        self.at += word.len();
        self.skip_space();
        Some(word)
    }

    fn nested<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<T, InvalidCondition>,
    ) -> Result<T, InvalidCondition> {
        if self.depth == MAX_DEPTH {
            return Err(self.invalid("the condition is nested too deeply".to_owned()));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn any(&mut self) -> Result<Expression, InvalidCondition> {
        let mut items = vec![self.all()?];
        while self.take(&["or", "||"]).is_some() {
            items.push(self.all()?);
        }
        Ok(Expression::Any(items))
    }

    fn all(&mut self) -> Result<Expression, InvalidCondition> {
        let mut items = vec![self.factor()?];
        while self.take(&["and", "&&"]).is_some() {
            items.push(self.factor()?);
        }
        Ok(Expression::All(items))
    }

    fn factor(&mut self) -> Result<Expression, InvalidCondition> {
        if self.take(&["("]).is_some() {
            let inner = self.nested(Self::any)?;
            self.close()?;
            return Ok(inner);
        }
        if self.take(&["not", "!"]).is_some() {
            return Ok(negated(true, self.nested(Self::factor)?));
        }
        self.term()
    }

    fn close(&mut self) -> Result<(), InvalidCondition> {
        self.skip_space();
        if self.rest().first() != Some(&b')') {
            return Err(self.expected("`)`"));
        }
        self.at += 1;
        Ok(())
    }

    fn term(&mut self) -> Result<Expression, InvalidCondition> {
        let left = self.operand()?;
        if let Some(word) = self.take(&["in", "not in"]) {
            let list = self.list_of_in()?;
            return Ok(negated(word == "not in", Expression::In { left, list }));
        }
        // An `IS` without a predicate is ignored.
        if let Some(word) = self.take(&["is not", "is"])
            && let Some(predicate) = self.take(&["present", "blank", "true", "false"])
        {
            let is_negative = matches!(predicate, "blank" | "false");
            let about_presence = matches!(predicate, "present" | "blank");
            let positive = if about_presence { Expression::Present(left) } else { Expression::Truth(left) };
            return Ok(negated((word == "is not") != is_negative, positive));
        }
        if let Some(word) = self.take(&["=~", "~=", "!~"]) {
            let pattern = self.pattern()?;
            return Ok(negated(word == "!~", Expression::Match { left, pattern }));
        }
        if let Some(word) = self.take(&["==", "=", "!="]) {
            let right = self.operand()?;
            return Ok(negated(word == "!=", Expression::Equal { left, right }));
        }
        Ok(Expression::Truth(left))
    }

    fn operand(&mut self) -> Result<Operand, InvalidCondition> {
        self.skip_space();
        let operand = self.value()?.ok_or_else(|| self.expected("a value"))?;
        self.skip_space();
        Ok(operand)
    }

    fn value(&mut self) -> Result<Option<Operand>, InvalidCondition> {
        if let Some(variable) = self.variable() {
            return Ok(Some(Operand::Variable(variable)));
        }
        if let Some(call) = self.call()? {
            return Ok(Some(call));
        }
        match self.quoted()? {
            Some(text) => Ok(Some(text)),
            None => self.word(),
        }
    }

    /// A variable, in lower case. Followed by anything else than the listed characters, it is a word:
    /// `repo!=a` compares the text `repo`.
    fn variable(&mut self) -> Option<Variable> {
        let rest = self.rest();
        let is_end = |next: Option<&u8>| next.is_none_or(|byte| is_space(*byte) || b",=)|".contains(byte));
        let variable = Variable::ALL.into_iter().find(|variable| {
            rest.strip_prefix(variable.name().as_bytes()).is_some_and(|after| is_end(after.first()))
        })?;
        self.at += variable.name().len();
        Some(variable)
    }

    fn call(&mut self) -> Result<Option<Operand>, InvalidCondition> {
        let Some(name) = self.take(&["env", "concat"]) else { return Ok(None) };
        if self.take(&["("]).is_none() {
            return Ok(None);
        }
        let arguments = self.nested(Self::list)?;
        self.close()?;
        Ok(Some(if name == "env" { Operand::Env(arguments) } else { Operand::Concat(arguments) }))
    }

    fn list(&mut self) -> Result<Vec<Operand>, InvalidCondition> {
        let mut items = Vec::new();
        while let Some(item) = self.value()? {
            items.push(item);
            if self.take(&[","]).is_none() {
                break;
            }
        }
        // Travis's parser skips one more comma for each item.
        self.at += self.rest().iter().take(items.len()).take_while(|byte| **byte == b',').count();
        Ok(items)
    }

    fn list_of_in(&mut self) -> Result<Vec<Operand>, InvalidCondition> {
        if self.take(&["("]).is_none() {
            return Ok(Vec::new());
        }
        let items = self.list()?;
        if items.is_empty() {
            return Err(self.expected("a value"));
        }
        self.close()?;
        Ok(items)
    }

    fn quoted(&mut self) -> Result<Option<Operand>, InvalidCondition> {
        let rest = self.rest();
        let Some(quote @ (b'"' | b'\'')) = rest.first().copied() else { return Ok(None) };
        let Some(length) = rest[1..].iter().position(|byte| *byte == quote) else {
            self.at = self.text.len();
            return Err(self.expected(if quote == b'"' { "a closing `\"`" } else { "a closing `'`" }));
        };
        self.at += length + 2;
        Ok(Some(Operand::Text(lossy(&rest[1..=length]))))
    }

    fn word(&mut self) -> Result<Option<Operand>, InvalidCondition> {
        self.skip_space();
        let rest = self.rest();
        let is_part = |byte: u8| !is_space(byte) && !b"()\"',=!".contains(&byte);
        let word = &rest[..rest.iter().take_while(|byte| is_part(**byte)).count()];
        match word.first() {
            None => return Ok(None),
            Some(b'$') => {
                return Err(self.invalid(format!(
                    "`{}` is shell code, which conditions do not contain; use `env(NAME)`, a variable such as \
                     `branch`, or quotes",
                    lossy(word)
                )));
            }
            Some(_) => {}
        }
        self.at += word.len();
        self.skip_space();
        Ok(Some(Operand::Text(lossy(word))))
    }

    /// The regular expression after `=~`: a call, text between slashes, or text up to a space. In the last
    /// case the closing parentheses at its end do not belong to it. Travis's parser counts characters and
    /// then skips as many bytes, so what contains other letters than those of ASCII hardly ever parses.
    fn pattern(&mut self) -> Result<Option<Operand>, InvalidCondition> {
        if let Some(call) = self.call()? {
            return Ok(Some(call));
        }
        self.skip_space();
        let rest = self.rest();
        let end = rest.iter().rposition(|byte| !is_space(*byte) && *byte != 0).map_or(0, |last| last + 1);
        let rest = &rest[..end];
        let length = if rest.first() == Some(&b'/') {
            length_between_slashes(rest)
        } else {
            let run = rest.iter().take_while(|byte| !is_space(**byte)).count();
            rest[..run].iter().rposition(|byte| *byte != b')').map_or(0, |last| last + 1)
        };
        if length == 0 {
            return Ok(None);
        }
        let text = lossy(&rest[..length]);
        self.at += text.chars().count();
        Ok(Some(Operand::Text(without_slashes(&text))))
    }

    fn expected(&self, what: &str) -> InvalidCondition {
        let found = self.rest().split(|byte| is_space(*byte)).find(|word| !word.is_empty());
        self.invalid(match found {
            Some(word) => format!("expected {what}, but found `{}`", lossy(word)),
            None => format!("expected {what}, but the condition ends"),
        })
    }

    fn invalid(&self, problem: String) -> InvalidCondition {
        let before = String::from_utf8_lossy(&self.text[..self.at]);
        InvalidCondition { position: Some(before.chars().count() + 1), problem }
    }
}

/// The length of a regular expression that begins with a slash: up to a slash without a backslash before it,
/// or all of the text.
fn length_between_slashes(text: &[u8]) -> usize {
    let mut is_escaped = false;
    let end = text[1..].iter().position(|byte| {
        let is_end = *byte == b'/' && !is_escaped;
        is_escaped = *byte == b'\\';
        is_end
    });
    end.map_or(text.len(), |end| end + 2)
}

/// Removes a slash at the beginning and at the end of each line, as Travis's parser does: `^release/` becomes
/// `^release`.
fn without_slashes(text: &str) -> String {
    let lines = text.split('\n').map(|line| {
        let line = line.strip_prefix('/').unwrap_or(line);
        line.strip_suffix('/').unwrap_or(line)
    });
    lines.collect::<Vec<_>>().join("\n")
}
