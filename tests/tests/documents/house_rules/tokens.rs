//! Rust source text as tokens: enough to find attributes, items and paths.

use std::{iter::Peekable, str::CharIndices};

/// One token of a source file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    /// An identifier, a keyword, a literal, a lifetime, `::`, or one character of punctuation.
    pub(crate) text: &'a str,
    /// The line of the token, counted from 1.
    pub(crate) line: usize,
}

impl Token<'_> {
    /// Returns `true` if the token is an identifier or a keyword.
    pub(crate) fn is_name(&self) -> bool {
        self.text.starts_with(is_name_start)
    }
}

fn is_name_start(char: char) -> bool {
    char == '_' || char.is_alphabetic()
}

fn is_name_part(char: char) -> bool {
    char == '_' || char.is_alphanumeric()
}

/// Splits a source file into tokens, without its comments.
pub(crate) fn tokens(source: &str) -> Vec<Token<'_>> {
    let chars = source.char_indices().peekable();
    let line = 1;
    let mut scanner = Scanner {
        source,
        chars,
        line,
    };
    let mut tokens = Vec::new();
    while let Some((start, first)) = scanner.next() {
        let line = scanner.line;
        if let Some(text) = scanner.token(start, first) {
            tokens.push(Token { text, line });
        }
    }
    tokens
}

/// A position in a source file.
struct Scanner<'a> {
    source: &'a str,
    chars: Peekable<CharIndices<'a>>,
    line: usize,
}

impl<'a> Scanner<'a> {
    fn next(&mut self) -> Option<(usize, char)> {
        let next = self.chars.next();
        if let Some((_, '\n')) = next {
            self.line += 1;
        }
        next
    }

    /// The text that is not read yet.
    fn rest(&mut self) -> &'a str {
        let start = self.chars.peek().map_or(self.source.len(), |next| next.0);
        &self.source[start..]
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.next();
        }
    }

    /// Reads to the end of the token that starts with `first`; `None` for blanks and comments.
    fn token(&mut self, start: usize, first: char) -> Option<&'a str> {
        match first {
            '/' if self.rest().starts_with('/') => {
                self.skip_while(|char| char != '\n');
                return None;
            }
            '/' if self.rest().starts_with('*') => {
                self.block_comment();
                return None;
            }
            _ if first.is_whitespace() => return None,
            '"' => self.string(),
            '\'' => self.quote(),
            ':' if self.rest().starts_with(':') => self.skip(1),
            _ if is_name_start(first) => return Some(self.name(start)),
            _ if first.is_ascii_digit() => self.skip_while(is_name_part),
            _ => {}
        }
        Some(self.read_since(start))
    }

    /// The text from `start` to here.
    fn read_since(&mut self, start: usize) -> &'a str {
        let end = self.source.len() - self.rest().len();
        &self.source[start..end]
    }

    fn skip_while(&mut self, belongs: impl Fn(char) -> bool) {
        while self.chars.peek().is_some_and(|next| belongs(next.1)) {
            self.next();
        }
    }

    /// Comments of this form nest.
    fn block_comment(&mut self) {
        self.skip(1);
        let mut depth = 1;
        while depth > 0 && !self.rest().is_empty() {
            let step = match self.rest() {
                rest if rest.starts_with("/*") => 1,
                rest if rest.starts_with("*/") => -1,
                _ => 0,
            };
            depth += step;
            self.skip(if step == 0 { 1 } else { 2 });
        }
    }

    /// A string whose opening quote was read.
    fn string(&mut self) {
        while let Some((_, char)) = self.next() {
            match char {
                '\\' => self.skip(1),
                '"' => return,
                _ => {}
            }
        }
    }

    /// A character or a lifetime whose quote was read.
    fn quote(&mut self) {
        let mut ahead = self.rest().chars();
        match (ahead.next(), ahead.next()) {
            (Some('\\'), _) => {
                self.skip(2);
                self.skip_while(|char| char != '\'');
                self.skip(1);
            }
            (Some(_), Some('\'')) => self.skip(2),
            _ => self.skip_while(is_name_part),
        }
    }

    /// An identifier, or the literal that its letters are the prefix of.
    fn name(&mut self, start: usize) -> &'a str {
        self.skip_while(is_name_part);
        let name = self.read_since(start);
        let rest = self.rest();
        let hashes = rest.len() - rest.trim_start_matches('#').len();
        let is_quoted = rest[hashes..].starts_with('"');
        match name {
            "r" | "br" | "cr" if is_quoted => self.raw_string(hashes),
            "b" | "c" if is_quoted && hashes == 0 => {
                self.skip(1);
                self.string();
            }
            "b" if rest.starts_with('\'') => {
                self.skip(1);
                self.quote();
            }
            "r" if hashes == 1 => {
                self.skip(1);
                return self.name(start + 2);
            }
            _ => {}
        }
        self.read_since(start)
    }

    fn raw_string(&mut self, hashes: usize) {
        self.skip(hashes + 1);
        let end = format!("\"{}", "#".repeat(hashes));
        while !self.rest().is_empty() && !self.rest().starts_with(&end) {
            self.next();
        }
        self.skip(hashes + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::tokens;

    fn texts(source: &str) -> Vec<&str> {
        tokens(source).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn paths_are_names_and_double_colons() {
        assert_eq!(
            texts("crate::a::B<u8>"),
            ["crate", "::", "a", "::", "B", "<", "u8", ">"]
        );
        assert_eq!(texts("r#type::x"), ["type", "::", "x"]);
    }

    #[test]
    fn comments_are_left_out() {
        assert_eq!(texts("a // b\n/* c /* d */ e */ f"), ["a", "f"]);
    }

    #[test]
    fn literals_are_one_token_each() {
        let literals = [
            r#""b \" c""#,
            r##"r#"d " e"#"##,
            "b\"f\"",
            "'g'",
            r"'\''",
            r"b'\\'",
            "1_u8",
        ];
        for literal in literals {
            assert_eq!(texts(&format!("a({literal})")), ["a", "(", literal, ")"]);
        }
    }

    #[test]
    fn a_lifetime_is_not_the_start_of_a_character() {
        assert_eq!(texts("&'a T<'b>"), ["&", "'a", "T", "<", "'b", ">"]);
    }

    #[test]
    fn each_token_has_its_line() {
        let lines: Vec<_> = tokens("a\n\"b\nc\" d\ne").iter().map(|t| t.line).collect();
        assert_eq!(lines, [1, 2, 3, 4]);
    }
}
