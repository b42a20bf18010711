//! The modules of a crate, as its source files declare them: their items, imports and paths.
//!
//! Everything that exists only under `#[cfg(test)]` is left out.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use super::tokens::{Token, tokens};

/// The source files of a crate, by their path below `src`.
pub(crate) type Sources = BTreeMap<String, String>;

/// The index of a module in [`Modules`].
pub(crate) type ModuleId = usize;

/// The modules of a crate; the first is its root.
pub(crate) type Modules = Vec<Module>;

/// A module: a file, or `mod name { .. }` inside one.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) parent: Option<ModuleId>,
    /// The path of its file below `src`.
    pub(crate) file: String,
    /// The folder below `src` that holds the files of its children; empty for `src` itself.
    folder: String,
    pub(crate) children: BTreeMap<String, ModuleId>,
    /// The names of the items that it defines.
    pub(crate) items: BTreeSet<String>,
    pub(crate) imports: Vec<Import>,
    /// The paths of its code that may begin with a module: `crate::a::b`, `super::c`, `d::e`.
    pub(crate) paths: Vec<InlinePath>,
}

/// One name that a `use` brings into a module.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// The name inside the module; `*` for a glob.
    pub(crate) name: String,
    pub(crate) path: Vec<String>,
    pub(crate) is_public: bool,
    pub(crate) line: usize,
}

/// A path in the code of a module.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InlinePath {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

/// Reads the modules of the crate whose root is `lib.rs`, or `main.rs` if it is a program alone.
///
/// # Panics
///
/// If a module that the code declares has no file.
pub(crate) fn modules(sources: &Sources) -> Modules {
    let mut modules = Modules::new();
    let is_library = sources.contains_key("lib.rs");
    let root = if is_library { "lib.rs" } else { "main.rs" };
    read_file(sources, &mut modules, None, root.into(), String::new());
    modules
}

/// Reads a file and the modules below it; `None` if the whole file is for tests.
fn read_file(
    sources: &Sources,
    modules: &mut Modules,
    parent: Option<ModuleId>,
    file: String,
    folder: String,
) -> Option<ModuleId> {
    let tokens = tokens(&sources[&file]);
    let mut start = 0;
    while text_at(&tokens, start) == "#" && text_at(&tokens, start + 1) == "!" {
        let attribute = attribute(&tokens, start);
        start = attribute.end;
        if is_test_attribute(&tokens[attribute]) {
            return None;
        }
    }
    let id = modules.len();
    modules.push(Module::new(parent, file, folder));
    let mut reader = Reader {
        sources,
        modules,
        tokens: &tokens,
    };
    reader.items(id, start..tokens.len());
    Some(id)
}

impl Module {
    fn new(parent: Option<ModuleId>, file: String, folder: String) -> Self {
        Self {
            parent,
            file,
            folder,
            children: BTreeMap::new(),
            items: BTreeSet::new(),
            imports: Vec::new(),
            paths: Vec::new(),
        }
    }
}

/// Item keywords; the name of the item follows each, except for the last three.
const ITEMS: [&str; 11] = [
    "fn", "struct", "enum", "trait", "type", "const", "static", "union", "impl", "mod", "use",
];

/// Words that may stand before an item's keyword.
const MODIFIERS: [&str; 5] = ["pub", "async", "unsafe", "extern", "const"];

fn text_at<'a>(tokens: &[Token<'a>], at: usize) -> &'a str {
    tokens.get(at).map_or("", |token| token.text)
}

/// The tokens of the attribute that starts at `#`, brackets included.
pub(crate) fn attribute(tokens: &[Token<'_>], at: usize) -> Range<usize> {
    let open = if text_at(tokens, at + 1) == "!" {
        at + 2
    } else {
        at + 1
    };
    at..group_end(tokens, open)
}

/// Returns `true` for `#[cfg(test)]` and `#[cfg(all(.., test, ..))]`.
fn is_test_attribute(attribute: &[Token<'_>]) -> bool {
    let texts: Vec<&str> = attribute.iter().map(|token| token.text).collect();
    let is_cfg = texts.contains(&"cfg") && !texts.contains(&"any");
    let test = texts.iter().position(|text| *text == "test");
    is_cfg && test.is_some_and(|at| texts[at - 2..at] != ["not", "("])
}

fn folder_of(file: &str) -> &str {
    file.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn below(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

/// The index after the group that starts at `open`, a bracket of any kind.
fn group_end(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// The attributes and visibility before something, read.
struct Prefix {
    is_test: bool,
    is_public: bool,
    /// The files that `path` attributes name, those of other configurations included.
    files: Vec<String>,
    /// The index of the first token after them.
    end: usize,
}

struct Reader<'a> {
    sources: &'a Sources,
    modules: &'a mut Modules,
    tokens: &'a [Token<'a>],
}

impl Reader<'_> {
    fn text(&self, at: usize) -> &str {
        text_at(self.tokens, at)
    }

    fn prefix(&self, start: usize) -> Prefix {
        let mut prefix = Prefix {
            is_test: false,
            is_public: false,
            files: Vec::new(),
            end: start,
        };
        loop {
            match self.text(prefix.end) {
                "#" => {
                    let attribute = attribute(self.tokens, prefix.end);
                    prefix.end = attribute.end;
                    let attribute = &self.tokens[attribute];
                    prefix.is_test |= is_test_attribute(attribute);
                    let path = attribute.iter().position(|token| token.text == "path");
                    if let Some(path) = path {
                        let file = attribute[path + 2].text.trim_matches('"');
                        prefix.files.push(file.to_owned());
                    }
                }
                "pub" => {
                    prefix.is_public = true;
                    prefix.end += 1;
                    if self.text(prefix.end) == "(" {
                        prefix.end = group_end(self.tokens, prefix.end);
                    }
                }
                _ => return prefix,
            }
        }
    }

    /// Reads the items of a module.
    fn items(&mut self, module: ModuleId, range: Range<usize>) {
        let mut at = range.start;
        while at < range.end {
            let prefix = self.prefix(at);
            let start = prefix.end;
            at = self.item_end(start).max(start + 1);
            if prefix.is_test {
                continue;
            }
            match self.text(start) {
                "use" => self.import(module, start, prefix.is_public),
                "mod" => self.submodule(module, start, &prefix.files),
                _ => {
                    self.define(module, start);
                    self.code(module, start..at);
                    self.declared_by_macro(module, start..at);
                }
            }
        }
    }

    /// The index after the item, field or statement that starts at `start`.
    fn item_end(&self, start: usize) -> usize {
        let first = self.text(start);
        let is_item = ITEMS.contains(&first) || MODIFIERS.contains(&first);
        let is_item = is_item || first == "macro_rules";
        let keyword = self.keyword(start);
        // A block does not end `const A: B = { .. };` or `use a::{b, c};`.
        let is_statement = ["const", "static", "type", "use"].contains(&self.text(keyword));
        let mut at = start;
        while at < self.tokens.len() {
            match self.text(at) {
                "{" if !is_statement => return group_end(self.tokens, at),
                "(" | "[" | "{" => at = group_end(self.tokens, at),
                ")" | "]" | "}" => return at,
                ";" => return at + 1,
                "," if !is_item => return at + 1,
                _ => at += 1,
            }
        }
        at
    }

    /// The index of the item's keyword: `fn` in `pub const unsafe extern "C" fn`.
    fn keyword(&self, start: usize) -> usize {
        let mut at = start;
        loop {
            let is_abi = self.text(at + 1).starts_with('"');
            let next = at + if is_abi { 2 } else { 1 };
            let goes_on = ITEMS.contains(&self.text(next)) || MODIFIERS.contains(&self.text(next));
            if !(MODIFIERS.contains(&self.text(at)) && goes_on) {
                return at;
            }
            at = next;
        }
    }

    /// Notes the name of the item that starts at `start`.
    fn define(&mut self, module: ModuleId, start: usize) {
        let keyword = self.keyword(start);
        let name = match self.text(keyword) {
            "impl" => return,
            "macro_rules" => keyword + 2,
            word if ITEMS.contains(&word) => keyword + 1,
            _ => return,
        };
        let name = self.text(name).to_owned();
        self.modules[module].items.insert(name);
    }

    /// Reads the modules that the call of a macro declares: `list! { mod a; mod b: B; }`.
    fn declared_by_macro(&mut self, module: ModuleId, range: Range<usize>) {
        if self.text(range.start + 1) != "!" || self.text(range.start) == "macro_rules" {
            return;
        }
        for at in range {
            if self.text(at) == "mod" && [";", ":"].contains(&self.text(at + 2)) {
                self.submodule(module, at, &[]);
            }
        }
    }

    fn submodule(&mut self, parent: ModuleId, start: usize, files: &[String]) {
        let name = self.text(start + 1).to_owned();
        let file = self.modules[parent].file.clone();
        let folder = below(&self.modules[parent].folder, &name);
        if self.text(start + 2) == "{" {
            let id = self.modules.len();
            self.modules.push(Module::new(Some(parent), file, folder));
            self.items(id, start + 3..group_end(self.tokens, start + 2) - 1);
            self.modules[parent].children.insert(name, id);
            return;
        }
        let mut found: Vec<_> = files
            .iter()
            .map(|path| below(folder_of(&file), path))
            .map(|path| (folder_of(&path).to_owned(), path))
            .collect();
        if found.is_empty() {
            let candidates = [format!("{folder}.rs"), format!("{folder}/mod.rs")];
            let mut existing = candidates
                .into_iter()
                .filter(|file| self.sources.contains_key(file));
            let file = existing
                .next()
                .unwrap_or_else(|| panic!("{file}: module {name} has no file"));
            found.push((folder, file));
        }
        for (folder, file) in found {
            let child = read_file(self.sources, self.modules, Some(parent), file, folder);
            if let Some(child) = child {
                self.modules[parent].children.insert(name.clone(), child);
            }
        }
    }

    /// Reads the `use` at `start`.
    fn import(&mut self, module: ModuleId, start: usize, is_public: bool) {
        let mut imports = Vec::new();
        self.use_tree(start + 1, &[], is_public, &mut imports);
        self.modules[module].imports.append(&mut imports);
    }

    /// Reads one tree of a `use`; returns the index after it.
    fn use_tree(
        &self,
        start: usize,
        before: &[String],
        is_public: bool,
        imports: &mut Vec<Import>,
    ) -> usize {
        let mut path = before.to_vec();
        let mut at = start;
        if self.text(at) == "::" {
            // A path that starts so names another crate.
            path.push(String::new());
            at += 1;
        }
        while self.text(at) != "{" {
            path.push(self.text(at).to_owned());
            at += 1;
            if self.text(at) != "::" {
                break;
            }
            at += 1;
        }
        if self.text(at) == "{" {
            let end = group_end(self.tokens, at);
            at += 1;
            while at < end - 1 {
                at = self.use_tree(at, &path, is_public, imports) + 1;
            }
            return end;
        }
        let line = self.tokens[at - 1].line;
        let is_self = path.len() > 1 && path.last().is_some_and(|last| last == "self");
        if is_self {
            path.pop();
        }
        let mut name = path.last().cloned().unwrap_or_default();
        if self.text(at) == "as" {
            self.text(at + 1).clone_into(&mut name);
            at += 2;
        }
        imports.push(Import {
            name,
            path,
            is_public,
            line,
        });
        at
    }

    /// Reads the paths of code that is not at the level of modules.
    fn code(&mut self, module: ModuleId, range: Range<usize>) {
        let mut at = range.start;
        while at < range.end {
            let is_attribute = self.text(at) == "#" && self.text(at + 1) == "[";
            if is_attribute && is_test_attribute(&self.tokens[attribute(self.tokens, at)]) {
                at = self.item_end(self.prefix(at).end);
            } else if self.text(at) == "pub" && self.text(at + 1) == "(" {
                at = group_end(self.tokens, at + 1);
            } else if self.text(at) == "use" && self.tokens[at + 1].text != "<" {
                self.import(module, at, false);
                at = self.item_end(at);
            } else if self.tokens[at].is_name() && self.text(at + 1) == "::" {
                at = self.path(module, at);
            } else {
                at += 1;
            }
        }
    }

    /// Reads the path at `start`; returns the index after it.
    fn path(&mut self, module: ModuleId, start: usize) -> usize {
        let mut path = vec![self.text(start).to_owned()];
        let mut at = start + 1;
        while self.text(at) == "::" && self.tokens.get(at + 1).is_some_and(Token::is_name) {
            path.push(self.text(at + 1).to_owned());
            at += 2;
        }
        // `::name::..` names another crate, and in `<T>::name` the type comes first.
        let is_whole = start == 0 || self.text(start - 1) != "::";
        if is_whole && path.len() > 1 {
            let line = self.tokens[start].line;
            self.modules[module].paths.push(InlinePath { path, line });
        }
        at
    }
}
