//! The syntax of queries: text to an expression of names and literals.

use winnow::{
    ModalParser, ModalResult, Parser,
    ascii::{Caseless, digit1, multispace0},
    combinator::{
        alt, cut_err, delimited, eof, fail, not, opt, peek, preceded, repeat, separated, terminated,
    },
    error::ContextError,
    token::{any, one_of, take_while},
};

/// An expression, as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Not(Box<Expression>),
    Compare {
        name: String,
        operator: Operator,
        literals: Vec<Literal>,
    },
    Between {
        name: String,
        from: Literal,
        to: Literal,
    },
    IsNull {
        name: String,
    },
}

/// An operator between a name and a literal, or between a name and a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
    StartsWith,
    NotStartsWith,
}

/// A literal value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Int(i64),
    Double(f64),
    Bool(bool),
}

/// A query, as it is written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Statement {
    pub(super) condition: Option<Expression>,
    pub(super) group_by: Vec<String>,
    /// Names, and `true` for those in descending order.
    pub(super) order_by: Vec<(String, bool)>,
}

/// The words that end a name, or are none.
const KEYWORDS: &[&str] = &[
    "and",
    "or",
    "not",
    "in",
    "between",
    "is",
    "null",
    "starts_with",
    "order",
    "group",
    "by",
];

/// The depth of parentheses that a query may have.
const MAX_DEPTH: usize = 100;

/// Reads a query.
///
/// # Errors
///
/// The position of the first character, from 1, that does not fit.
pub(super) fn parse(text: &str) -> Result<Statement, usize> {
    // The parser descends once for each level.
    if nesting(text) > MAX_DEPTH {
        return Err(1);
    }
    let mut statement_of_all = delimited(multispace0, statement, eof);
    statement_of_all
        .parse(text)
        .map_err(|error| error.offset() + 1)
}

fn statement(input: &mut &str) -> ModalResult<Statement> {
    let names = separated(1.., name, symbol(","));
    let order = (
        name,
        opt(alt((
            keyword("asc").value(false),
            keyword("desc").value(true),
        ))),
    );
    let order = order.map(|(name, descends)| (name, descends.unwrap_or(false)));
    let is_clause = peek(alt((keyword("group"), keyword("order"))));
    let condition = opt(preceded(not(alt((is_clause, eof.void()))), disjunction));
    let group_by = opt(preceded((keyword("group"), keyword("by")), cut_err(names)));
    let orders = separated(1.., order, symbol(","));
    let order_by = opt(preceded((keyword("order"), keyword("by")), cut_err(orders)));
    (condition, group_by, order_by)
        .map(|(condition, group_by, order_by)| Statement {
            condition,
            group_by: group_by.unwrap_or_default(),
            order_by: order_by.unwrap_or_default(),
        })
        .parse_next(input)
}

fn disjunction(input: &mut &str) -> ModalResult<Expression> {
    let operands: Vec<Expression> = separated(1.., conjunction, keyword("or")).parse_next(input)?;
    Ok(joined(operands, Expression::Or))
}

fn conjunction(input: &mut &str) -> ModalResult<Expression> {
    let operands: Vec<Expression> = separated(1.., negation, keyword("and")).parse_next(input)?;
    Ok(joined(operands, Expression::And))
}

fn joined(
    mut operands: Vec<Expression>,
    join: impl FnOnce(Vec<Expression>) -> Expression,
) -> Expression {
    match operands.len() {
        1 => operands.remove(0),
        _ => join(operands),
    }
}

fn negation(input: &mut &str) -> ModalResult<Expression> {
    let negations: usize = repeat(0.., keyword("not"))
        .fold(|| 0, |count, ()| count + 1)
        .parse_next(input)?;
    let expression = alt((
        delimited(symbol("("), disjunction, cut_err(symbol(")"))),
        predicate,
    ))
    .parse_next(input)?;
    Ok(negated_if(negations % 2 == 1, expression))
}

/// Reads a condition on one search attribute.
fn predicate(input: &mut &str) -> ModalResult<Expression> {
    let name = name.parse_next(input)?;
    if opt(keyword("is")).parse_next(input)?.is_some() {
        let is_negated = opt(keyword("not")).parse_next(input)?.is_some();
        cut_err(keyword("null")).parse_next(input)?;
        return Ok(negated_if(is_negated, Expression::IsNull { name }));
    }
    let is_negated = opt(keyword("not")).parse_next(input)?.is_some();
    if opt(keyword("between")).parse_next(input)?.is_some() {
        let from = cut_err(literal).parse_next(input)?;
        cut_err(keyword("and")).parse_next(input)?;
        let to = cut_err(literal).parse_next(input)?;
        return Ok(negated_if(
            is_negated,
            Expression::Between { name, from, to },
        ));
    }
    let (operator, literals) = if opt(keyword("in")).parse_next(input)?.is_some() {
        let operator = [Operator::In, Operator::NotIn][usize::from(is_negated)];
        (operator, cut_err(list).parse_next(input)?)
    } else if opt(keyword("starts_with")).parse_next(input)?.is_some() {
        let operator = [Operator::StartsWith, Operator::NotStartsWith][usize::from(is_negated)];
        (operator, vec![cut_err(literal).parse_next(input)?])
    } else if is_negated {
        return cut_err(fail).parse_next(input);
    } else {
        let operator = cut_err(operator).parse_next(input)?;
        (operator, vec![cut_err(literal).parse_next(input)?])
    };
    Ok(Expression::Compare {
        name,
        operator,
        literals,
    })
}

fn negated_if(is_negated: bool, expression: Expression) -> Expression {
    if is_negated {
        Expression::Not(Box::new(expression))
    } else {
        expression
    }
}

fn operator(input: &mut &str) -> ModalResult<Operator> {
    alt((
        symbol("!=").value(Operator::NotEqual),
        symbol("<>").value(Operator::NotEqual),
        symbol("<=").value(Operator::LessOrEqual),
        symbol(">=").value(Operator::GreaterOrEqual),
        symbol("=").value(Operator::Equal),
        symbol("<").value(Operator::Less),
        symbol(">").value(Operator::Greater),
    ))
    .parse_next(input)
}

fn list(input: &mut &str) -> ModalResult<Vec<Literal>> {
    delimited(
        symbol("("),
        separated(1.., literal, symbol(",")),
        symbol(")"),
    )
    .parse_next(input)
}

fn literal(input: &mut &str) -> ModalResult<Literal> {
    alt((
        quoted('\'').map(Literal::Text),
        quoted('"').map(Literal::Text),
        keyword("true").value(Literal::Bool(true)),
        keyword("false").value(Literal::Bool(false)),
        number,
    ))
    .parse_next(input)
}

fn number(input: &mut &str) -> ModalResult<Literal> {
    let fraction = opt((".", digit1));
    let exponent = opt((one_of(['e', 'E']), opt(one_of(['+', '-'])), digit1));
    let text = (opt(one_of(['+', '-'])), digit1, fraction, exponent).take();
    let number = text.verify_map(|text: &str| {
        let int = text.parse().ok().map(Literal::Int);
        int.or_else(|| text.parse().ok().map(Literal::Double))
    });
    terminated(number, multispace0).parse_next(input)
}

/// Reads a quoted text. A doubled quote and a backslash stand for the character after them.
fn quoted<'i>(quote: char) -> impl ModalParser<&'i str, String, ContextError> {
    let escaped = preceded('\\', any);
    let doubled = (quote, quote).value(quote);
    let plain = any.verify(move |character: &char| *character != quote && *character != '\\');
    let character = alt((escaped, doubled, plain));
    let text = repeat(0.., character).fold(String::new, |mut text, character| {
        text.push(character);
        text
    });
    terminated(delimited(quote, text, quote), multispace0)
}

/// Reads the name of a search attribute, perhaps between backquotes.
fn name(input: &mut &str) -> ModalResult<String> {
    let bare = (
        take_while(1, |it: char| it.is_ascii_alphabetic() || it == '_'),
        take_while(0.., |it: char| {
            it.is_ascii_alphanumeric() || "_.-".contains(it)
        }),
    )
        .take()
        .verify(|name: &str| !KEYWORDS.contains(&name.to_ascii_lowercase().as_str()))
        .map(str::to_owned);
    alt((quoted('`'), terminated(bare, multispace0))).parse_next(input)
}

fn keyword<'i>(word: &'static str) -> impl ModalParser<&'i str, (), ContextError> {
    let end = not(one_of(|it: char| it.is_ascii_alphanumeric() || it == '_'));
    (Caseless(word), end, multispace0).void()
}

fn symbol<'i>(symbol: &'static str) -> impl ModalParser<&'i str, (), ContextError> {
    (symbol, multispace0).void()
}

/// Returns the depth of the parentheses of a query, those in quotes aside.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest, mut quote) = (0_usize, 0, None);
    for character in text.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"' | '`') => quote = Some(character),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}
