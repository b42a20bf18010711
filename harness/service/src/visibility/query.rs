//! Queries, read and checked.

use tonic::Status;

use crate::{
    api::workflow::WorkflowExecutionInfo,
    base::search_attributes::SearchAttributeRegistry,
    visibility::{attributes::Attribute, condition::Condition, syntax, typing},
};

/// Returns the words for a text that does not fit from this position on, and that stands behind so
/// many other characters.
fn syntax_error(text: &str, position: usize, before: usize) -> String {
    let rest = text.chars().skip(position.saturating_sub(1));
    let near: String = rest.take(20).collect();
    format!(
        "syntax error at position {} near '{near}'",
        before + position
    )
}

/// A query for runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Query {
    condition: Option<Condition>,
    /// The attribute by which a count is grouped.
    pub(crate) group_by: Option<Attribute>,
}

impl Query {
    /// Checks that a text may be the condition of a query, which is empty otherwise.
    ///
    /// # Errors
    ///
    /// The server's words. They count the position in a statement with this condition.
    pub(crate) fn check_syntax(text: &str) -> Result<(), String> {
        let before = "select * from dummy where ".len();
        match syntax::parse(text) {
            Ok(_) => Ok(()),
            Err(position) => Err(syntax_error(text, position, before)),
        }
    }

    /// Reads a query. An empty one finds all runs.
    ///
    /// # Errors
    ///
    /// INVALID_ARGUMENT, in the server's words, for a query that is malformed, that names an
    /// unknown attribute or a value of the wrong type, or that has a part which the server does
    /// not take.
    pub(crate) fn parse(text: &str, registry: &SearchAttributeRegistry) -> Result<Self, Status> {
        let statement = syntax::parse(text)
            .map_err(|position| typing::malformed(syntax_error(text, position, 0)))?;
        if !statement.order_by.is_empty() {
            return Err(typing::unsupported("'ORDER BY' clause"));
        }
        if statement.group_by.len() > 1 {
            return Err(typing::unsupported(
                "'GROUP BY' clause supports only a single field",
            ));
        }
        let group_by = statement.group_by.first();
        let group_by = group_by.map(|name| typing::attribute(name, registry));
        let group_by = group_by.transpose()?;
        if let Some(attribute) = group_by.as_ref().filter(|it| !it.may_group()) {
            return Err(typing::unsupported(format!(
                "'GROUP BY' clause is not supported for search attribute {}",
                attribute.alias
            )));
        }
        let condition = statement.condition;
        let condition = condition.map(|it| typing::condition(it, registry));
        Ok(Self {
            condition: condition.transpose()?,
            group_by,
        })
    }

    /// Returns the attributes of the condition.
    pub(crate) fn attributes(&self) -> Vec<&Attribute> {
        self.condition
            .iter()
            .flat_map(Condition::attributes)
            .collect()
    }

    /// Returns `true` if the query finds a run.
    pub(crate) fn finds(&self, run: &WorkflowExecutionInfo) -> bool {
        self.condition
            .as_ref()
            .is_none_or(|condition| condition.holds(run))
    }
}
