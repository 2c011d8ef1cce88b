//! GBNF, the grammars of llama.cpp, as Lark for llguidance.
//!
//! GBNF has no lexer: rules describe characters. llguidance has one, which takes the longest match. So what is regular becomes
//! one terminal, matched exactly: a rule that reaches no recursion, a rule that repeats itself only at its end, and each run of
//! such parts inside a recursive rule. What is left to the lexer is where such a run meets a recursive rule: it does not end early there.

use std::collections::HashMap;
use std::fmt::Write;

use super::nesting::MAX_DEPTH;
use super::{escaped, Failure};

const MAX_RULES: usize = 10_000;
const MAX_REPEATS: u32 = 2_000;

pub fn to_lark(source: &str) -> Result<String, Failure> {
    let rules = Parser::new(source).rules()?;
    Ok(Writer::new(&rules).lark())
}

/// What a rule or a part of one may be.
#[derive(Clone, Debug)]
enum Part {
    Text(String),
    /// Characters in ranges, or all but those.
    Class { negated: bool, ranges: Vec<(char, char)> },
    Any,
    Rule(usize),
    Sequence(Vec<Part>),
    Choice(Vec<Part>),
    Repeat { part: Box<Part>, least: u32, most: Option<u32> },
}

const EMPTY: Part = Part::Sequence(Vec::new());

struct Parser<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    line: usize,
    column: usize,
    depth: usize,
    names: HashMap<String, usize>,
    /// By number: the name, where it was first read, and the rule once it is.
    rules: Vec<(String, Place, Option<Part>)>,
}

#[derive(Clone, Copy)]
struct Place {
    line: usize,
    column: usize,
}

impl Place {
    fn failure(self, what: impl std::fmt::Display) -> Failure {
        Failure::invalid(format!("line {}, column {}: {what}", self.line, self.column))
    }
    fn too_large(self, what: impl std::fmt::Display) -> Failure {
        Failure::too_large(format!("line {}, column {}: {what}", self.line, self.column))
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-'
}

impl<'a> Parser<'a> {
    fn new(source: &'a str) -> Parser<'a> {
        Parser { rest: source.chars().peekable(), line: 1, column: 1, depth: 0, names: HashMap::new(), rules: Vec::new() }
    }

    fn place(&self) -> Place {
        Place { line: self.line, column: self.column }
    }
    fn peek(&mut self) -> Option<char> {
        self.rest.peek().copied()
    }
    fn next(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        if c == '\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
        Some(c)
    }
    fn takes(&mut self, wanted: char) -> bool {
        self.peek() == Some(wanted) && self.next().is_some()
    }
    fn expected(&mut self, what: &str) -> Failure {
        let place = self.place();
        match self.peek() {
            Some(found) => place.failure(format!("expected {what}, found {found:?}")),
            None => place.failure(format!("expected {what}, found the end")),
        }
    }

    fn skip_space(&mut self, lines_too: bool) {
        while let Some(c) = self.peek() {
            match c {
                '#' => while self.peek().is_some_and(|c| c != '\n') {
                    self.next();
                },
                ' ' | '\t' => {
                    self.next();
                }
                '\r' | '\n' if lines_too => {
                    self.next();
                }
                _ => return,
            }
        }
    }

    /// Rule 0 is `root`.
    fn rules(mut self) -> Result<Vec<Part>, Failure> {
        let start = self.place();
        self.number_of("root".to_string(), start)?;
        self.skip_space(true);
        while self.peek().is_some() {
            self.rule()?;
            self.skip_space(true);
        }
        let mut rules = Vec::new();
        for (name, place, rule) in self.rules {
            rules.push(rule.ok_or_else(|| match name.as_str() {
                "root" => Failure::invalid("has no rule \"root\""),
                name => place.failure(format!("there is no rule {name:?}")),
            })?);
        }
        Ok(rules)
    }

    fn rule(&mut self) -> Result<(), Failure> {
        let place = self.place();
        let name = self.word()?;
        let number = self.number_of(name, place)?;
        self.skip_space(false);
        if !(self.takes(':') && self.takes(':') && self.takes('=')) {
            return Err(self.expected("\"::=\""));
        }
        self.skip_space(true);
        let part = self.choice(false)?;
        self.skip_space(false);
        self.takes('\r');
        if self.peek().is_some() && !self.takes('\n') {
            return Err(self.expected("a part of a rule or the end of the line"));
        }
        let (name, _, rule) = &mut self.rules[number];
        if rule.is_some() {
            return Err(place.failure(format!("a second rule {name:?}")));
        }
        *rule = Some(part);
        Ok(())
    }

    fn word(&mut self) -> Result<String, Failure> {
        let mut word = String::new();
        while let Some(c) = self.peek().filter(|c| is_word(*c)) {
            word.push(c);
            self.next();
        }
        if word.is_empty() {
            return Err(self.expected("the name of a rule"));
        }
        Ok(word)
    }

    fn number_of(&mut self, name: String, place: Place) -> Result<usize, Failure> {
        if let Some(number) = self.names.get(&name) {
            return Ok(*number);
        }
        if self.rules.len() == MAX_RULES {
            return Err(place.too_large(format!("more than {MAX_RULES} rules")));
        }
        self.names.insert(name.clone(), self.rules.len());
        self.rules.push((name, place, None));
        Ok(self.rules.len() - 1)
    }

    fn choice(&mut self, nested: bool) -> Result<Part, Failure> {
        let mut parts = vec![self.sequence(nested)?];
        while self.takes('|') {
            self.skip_space(true);
            parts.push(self.sequence(nested)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Part::Choice(parts) })
    }

    fn sequence(&mut self, nested: bool) -> Result<Part, Failure> {
        let mut parts: Vec<Part> = Vec::new();
        while let Some(c) = self.peek() {
            let place = self.place();
            let part = match c {
                '"' => self.text()?,
                '[' => self.class()?,
                '.' => {
                    self.next();
                    Part::Any
                }
                '(' => self.group()?,
                '*' | '+' | '?' | '{' => {
                    let (least, most) = self.repeats()?;
                    let Some(part) = parts.pop() else { return Err(place.failure("there is nothing to repeat")) };
                    Part::Repeat { part: Box::new(part), least, most }
                }
                '<' | '!' => return Err(Failure::unsupported(format!("line {}, column {}: tokens by name or number are not done", place.line, place.column))),
                c if is_word(c) => {
                    let name = self.word()?;
                    Part::Rule(self.number_of(name, place)?)
                }
                _ => break,
            };
            parts.push(part);
            self.skip_space(nested);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Part::Sequence(parts) })
    }

    fn group(&mut self) -> Result<Part, Failure> {
        let place = self.place();
        self.next();
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(place.too_large(format!("groups nested deeper than {MAX_DEPTH}")));
        }
        self.skip_space(true);
        let part = self.choice(true)?;
        self.depth -= 1;
        if !self.takes(')') {
            return Err(self.expected("a part of a rule or \")\""));
        }
        Ok(part)
    }

    fn repeats(&mut self) -> Result<(u32, Option<u32>), Failure> {
        match self.next() {
            Some('*') => return Ok((0, None)),
            Some('+') => return Ok((1, None)),
            Some('?') => return Ok((0, Some(1))),
            _ => {}
        }
        self.skip_space(true);
        let place = self.place();
        let least = self.count()?;
        self.skip_space(true);
        let mut most = Some(least);
        if self.takes(',') {
            self.skip_space(true);
            most = if self.peek() == Some('}') { None } else { Some(self.count()?) };
            self.skip_space(true);
        }
        if !self.takes('}') {
            return Err(self.expected("\"}\""));
        }
        if most.is_some_and(|most| most < least) {
            return Err(place.failure("the greatest number of repeats is below the least"));
        }
        Ok((least, most))
    }

    fn count(&mut self) -> Result<u32, Failure> {
        let place = self.place();
        let mut digits = String::new();
        while let Some(c) = self.peek().filter(char::is_ascii_digit) {
            digits.push(c);
            self.next();
        }
        if digits.is_empty() {
            return Err(self.expected("a number"));
        }
        match digits.parse::<u32>() {
            Ok(count) if count <= MAX_REPEATS => Ok(count),
            _ => Err(place.too_large(format!("{digits} repeats, at most {MAX_REPEATS} are taken"))),
        }
    }

    fn text(&mut self) -> Result<Part, Failure> {
        let place = self.place();
        self.next();
        let mut text = String::new();
        loop {
            match self.peek() {
                Some('"') => break,
                Some(_) => text.push(self.character()?),
                None => return Err(place.failure("text that does not end")),
            }
        }
        self.next();
        Ok(Part::Text(text))
    }

    fn class(&mut self) -> Result<Part, Failure> {
        let place = self.place();
        self.next();
        let negated = self.takes('^');
        let mut ranges = Vec::new();
        while self.peek() != Some(']') {
            if self.peek().is_none() {
                return Err(place.failure("characters that do not end with \"]\""));
            }
            let from = self.character()?;
            let mut to = from;
            if self.takes('-') {
                if self.peek() == Some(']') {
                    ranges.extend([(from, from), ('-', '-')]);
                    break;
                }
                let here = self.place();
                to = self.character()?;
                if to < from {
                    return Err(here.failure(format!("characters from {from:?} to {to:?}: the second is below the first")));
                }
            }
            ranges.push((from, to));
        }
        self.next();
        if ranges.is_empty() && !negated {
            return Err(place.failure("no characters in \"[]\""));
        }
        Ok(Part::Class { negated, ranges })
    }

    /// A character of a text or a class, which may be written as an escape.
    fn character(&mut self) -> Result<char, Failure> {
        let place = self.place();
        let Some(c) = self.next() else { return Err(place.failure("expected a character, found the end")) };
        if c != '\\' {
            return Ok(c);
        }
        let Some(escape) = self.next() else { return Err(place.failure("an escape that does not end")) };
        let digits = match escape {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            't' => return Ok('\t'),
            'r' => return Ok('\r'),
            'n' => return Ok('\n'),
            '\\' | '"' | '[' | ']' | '-' | '^' => return Ok(escape),
            other => return Err(place.failure(format!("no escape: \\{}", other.escape_debug()))),
        };
        let mut value = 0u32;
        for _ in 0..digits {
            let digit = self.peek().and_then(|c| c.to_digit(16)).ok_or_else(|| place.failure(format!("expected {digits} hexadecimal digits")))?;
            self.next();
            value = (value << 4) | digit;
        }
        char::from_u32(value).ok_or_else(|| place.failure(format!("{value:X} is no character")))
    }
}

/// Writes rules as Lark: `tN` is a rule and `TN` a terminal.
struct Writer {
    rules: Vec<Part>,
    is_regular: Vec<bool>,
    out: String,
    terminals: usize, // that are parts of rules; their numbers follow those of the rules
}

impl Writer {
    fn new(rules: &[Part]) -> Writer {
        let mut rules: Vec<Part> = rules.to_vec();
        for number in 0..rules.len() {
            if let Some(repeated) = without_tail_recursion(&rules[number], number) {
                rules[number] = repeated;
            }
        }
        let is_regular = regular(&rules);
        Writer { terminals: rules.len(), rules, is_regular, out: String::new() }
    }

    fn lark(mut self) -> String {
        let start = if self.is_regular[0] { "start: T0\n" } else { "start: t0\n" };
        self.out.push_str(start);
        for number in 0..self.rules.len() {
            let rule = self.rules[number].clone();
            let line = if self.is_regular[number] { format!("T{number}: {}\n", self.terminal(&rule)) } else { format!("t{number}: {}\n", self.rule(&rule)) };
            self.out.push_str(&line);
        }
        self.out
    }

    fn is_regular(&self, part: &Part) -> bool {
        match part {
            Part::Rule(number) => self.is_regular[*number],
            Part::Sequence(parts) | Part::Choice(parts) => parts.iter().all(|part| self.is_regular(part)),
            Part::Repeat { part, .. } => self.is_regular(part),
            _ => true,
        }
    }

    /// A part of a rule: what is regular in it becomes terminals, as large as they can be.
    fn rule(&mut self, part: &Part) -> String {
        if self.is_regular(part) {
            return self.new_terminal(part);
        }
        match part {
            Part::Rule(number) => format!("t{number}"),
            Part::Choice(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| self.rule(part)).collect();
                format!("({})", parts.join(" | "))
            }
            Part::Repeat { part, least, most } => format!("({}){}", self.rule(part), repeats(*least, *most)),
            Part::Sequence(parts) => {
                let mut out = Vec::new();
                let mut run = Vec::new();
                for part in parts {
                    if self.is_regular(part) {
                        run.push(part.clone());
                        continue;
                    }
                    if !run.is_empty() {
                        out.push(self.new_terminal(&Part::Sequence(std::mem::take(&mut run))));
                    }
                    out.push(self.rule(part));
                }
                if !run.is_empty() {
                    out.push(self.new_terminal(&Part::Sequence(run)));
                }
                format!("({})", out.join(" "))
            }
            _ => String::new(), // characters are regular
        }
    }

    fn new_terminal(&mut self, part: &Part) -> String {
        if let Part::Rule(number) = part {
            return format!("T{number}");
        }
        let number = self.terminals;
        self.terminals += 1;
        let line = format!("T{number}: {}\n", self.terminal(part));
        self.out.push_str(&line);
        format!("T{number}")
    }

    fn terminal(&self, part: &Part) -> String {
        let joined = |parts: &[Part], between: &str| -> String {
            let parts: Vec<String> = parts.iter().map(|part| self.terminal(part)).collect();
            format!("({})", parts.join(between))
        };
        match part {
            Part::Text(text) if text.is_empty() => "\"\"".to_string(),
            Part::Text(text) => format!("/{}/", escaped(text)),
            Part::Any => "/(?s:.)/".to_string(),
            Part::Class { ranges, .. } if ranges.is_empty() => "/(?s:.)/".to_string(),
            Part::Class { negated, ranges } => {
                let mut class = String::from(if *negated { "/[^" } else { "/[" });
                for (from, to) in ranges {
                    let _ = write!(class, "\\x{{{:x}}}-\\x{{{:x}}}", *from as u32, *to as u32);
                }
                class + "]/"
            }
            Part::Rule(number) => format!("T{number}"),
            Part::Sequence(parts) if parts.is_empty() => "\"\"".to_string(),
            Part::Sequence(parts) => joined(parts, " "),
            Part::Choice(parts) => joined(parts, " | "),
            Part::Repeat { part, least, most } => format!("({}){}", self.terminal(part), repeats(*least, *most)),
        }
    }
}

fn repeats(least: u32, most: Option<u32>) -> String {
    match (least, most) {
        (0, None) => "*".to_string(),
        (1, None) => "+".to_string(),
        (0, Some(1)) => "?".to_string(),
        (least, None) => format!("{{{least},}}"),
        (least, Some(most)) => format!("{{{least},{most}}}"),
    }
}

/// `x ::= A x | B` as A* B, and `x ::= (A x)?` as A*; none where the rule repeats itself elsewhere or only through others.
fn without_tail_recursion(rule: &Part, number: usize) -> Option<Part> {
    if !mentions(rule, number) {
        return None;
    }
    let (mut again, mut last) = (Vec::new(), Vec::new());
    for way in ways(rule) {
        let mut parts = match way {
            Part::Sequence(parts) => parts,
            part => vec![part],
        };
        if matches!(parts.last(), Some(Part::Rule(tail)) if *tail == number) {
            parts.pop();
            again.push(Part::Sequence(parts));
        } else {
            last.push(Part::Sequence(parts));
        }
    }
    if last.is_empty() || again.iter().chain(&last).any(|part| mentions(part, number)) {
        return None;
    }
    Some(Part::Sequence(vec![Part::Repeat { part: Box::new(Part::Choice(again)), least: 0, most: None }, Part::Choice(last)]))
}

fn ways(part: &Part) -> Vec<Part> {
    match part {
        Part::Choice(parts) => parts.iter().flat_map(ways).collect(),
        Part::Repeat { part, least: 0, most: Some(1) } => {
            let mut ways = ways(part);
            ways.push(EMPTY);
            ways
        }
        Part::Sequence(parts) if parts.len() == 1 => ways(&parts[0]),
        part => vec![part.clone()],
    }
}

fn mentions(part: &Part, number: usize) -> bool {
    let mut found = false;
    each_rule(part, &mut |rule| found |= rule == number);
    found
}

fn each_rule(part: &Part, visit: &mut dyn FnMut(usize)) {
    match part {
        Part::Rule(number) => visit(*number),
        Part::Sequence(parts) | Part::Choice(parts) => parts.iter().for_each(|part| each_rule(part, visit)),
        Part::Repeat { part, .. } => each_rule(part, visit),
        _ => {}
    }
}

/// Which rules reach no cycle: those that are left when rules all of whose mentions are regular are taken out in turn.
fn regular(rules: &[Part]) -> Vec<bool> {
    let mut missing = vec![0usize; rules.len()];
    let mut mentioned_by = vec![Vec::new(); rules.len()];
    for (number, rule) in rules.iter().enumerate() {
        each_rule(rule, &mut |other| {
            missing[number] += 1;
            mentioned_by[other].push(number);
        });
    }
    let mut ready: Vec<usize> = (0..rules.len()).filter(|number| missing[*number] == 0).collect();
    let mut regular = vec![false; rules.len()];
    while let Some(number) = ready.pop() {
        regular[number] = true;
        for &other in &mentioned_by[number] {
            missing[other] -= 1;
            if missing[other] == 0 {
                ready.push(other);
            }
        }
    }
    regular
}
