//! The imports between the files of a crate, resolved to the files that define the items.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use super::modules::{Import, Module, ModuleId, Modules, Sources, modules};

/// One import of one file by another; paths are below `src`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileImport {
    pub(crate) from: String,
    pub(crate) line: usize,
    pub(crate) to: String,
    /// The import as the source says it, with its braces resolved.
    pub(crate) code: String,
}

/// The target of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Module(ModuleId),
    /// An item that this module defines.
    Item(ModuleId),
}

impl Target {
    fn module(self) -> ModuleId {
        match self {
            Self::Module(module) | Self::Item(module) => module,
        }
    }
}

/// Finds all imports between the files of a crate.
///
/// An import through a re-export counts for the file that defines the item; the re-exports of
/// `lib.rs`, and those that a module makes of what is below it, do not count themselves.
pub(crate) fn file_imports(sources: &Sources) -> Vec<FileImport> {
    let resolver = Resolver {
        modules: modules(sources),
        known: RefCell::default(),
    };
    let mut imports = BTreeSet::new();
    for module in 0..resolver.modules.len() {
        resolver.imports_of(module, &mut imports);
    }
    imports.into_iter().collect()
}

struct Resolver {
    modules: Modules,
    /// The targets of names in modules; a name that is being resolved has none yet, which ends
    /// circles of re-exports.
    known: RefCell<BTreeMap<(ModuleId, String), Option<Target>>>,
}

impl Resolver {
    fn imports_of(&self, from: ModuleId, found: &mut BTreeSet<FileImport>) {
        let module = &self.modules[from];
        let mut add = |to: ModuleId, line: usize, code: String| {
            let to = &self.modules[to].file;
            if *to != module.file {
                found.insert(FileImport {
                    from: module.file.clone(),
                    line,
                    to: to.clone(),
                    code,
                });
            }
        };

        // A module that is imported as a whole counts by the paths that begin with its name.
        let mut modules_used = BTreeSet::new();
        for inline in &module.paths {
            // The `use` of an item counts already.
            let first = self.resolve(from, &inline.path[..1]);
            if let Some(Target::Item(_)) = first {
                continue;
            }
            if let Some(target) = self.resolve(from, &inline.path) {
                modules_used.insert(inline.path[0].as_str());
                add(target.module(), inline.line, inline.path.join("::"));
            }
        }
        for import in &module.imports {
            let Some(target) = self.import_target(from, import) else {
                continue;
            };
            let is_counted_by_paths =
                matches!(target, Target::Module(_)) && modules_used.contains(import.name.as_str());
            let is_reexport =
                import.is_public && (from == 0 || self.is_below(target.module(), from));
            if !is_counted_by_paths && !is_reexport {
                let line = import.line;
                add(
                    target.module(),
                    line,
                    format!("use {}", import.path.join("::")),
                );
            }
        }
    }

    fn import_target(&self, from: ModuleId, import: &Import) -> Option<Target> {
        let path = match &import.path[..] {
            [path @ .., last] if last == "*" => path,
            path => path,
        };
        self.resolve(from, path)
    }

    /// Returns `true` if `module` is `ancestor` or inside of it.
    fn is_below(&self, module: ModuleId, ancestor: ModuleId) -> bool {
        let mut at = Some(module);
        while let Some(module) = at {
            if module == ancestor {
                return true;
            }
            at = self.modules[module].parent;
        }
        false
    }

    /// Finds the target of a path in a module; `None` if it is outside of the crate.
    fn resolve(&self, from: ModuleId, path: &[String]) -> Option<Target> {
        let (first, rest) = path.split_first()?;
        let mut target = match first.as_str() {
            "crate" => Target::Module(0),
            "self" => Target::Module(from),
            "super" => Target::Module(self.modules[from].parent?),
            name => self.named(from, name)?,
        };
        for name in rest {
            let Target::Module(module) = target else {
                break;
            };
            target = match name.as_str() {
                "super" => Target::Module(self.modules[module].parent?),
                name => match self.named(module, name) {
                    Some(target) => target,
                    // From outside of the crate, or made by a macro.
                    None if self.imports_name(module, name) => return None,
                    None => Target::Item(module),
                },
            };
        }
        Some(target)
    }

    fn imports_name(&self, module: ModuleId, name: &str) -> bool {
        let imports = &self.modules[module].imports;
        imports.iter().any(|import| import.name == name)
    }

    /// Finds the target of a name in a module.
    fn named(&self, module: ModuleId, name: &str) -> Option<Target> {
        let key = (module, name.to_owned());
        if let Some(known) = self.known.borrow().get(&key) {
            return *known;
        }
        self.known.borrow_mut().insert(key.clone(), None);
        let target = self.find_named(module, name);
        self.known.borrow_mut().insert(key, target);
        target
    }

    fn find_named(&self, module: ModuleId, name: &str) -> Option<Target> {
        let Module {
            children,
            items,
            imports,
            ..
        } = &self.modules[module];
        if let Some(child) = children.get(name) {
            return Some(Target::Module(*child));
        }
        if items.contains(name) {
            return Some(Target::Item(module));
        }
        let by_name = imports.iter().filter(|import| import.name == name);
        let mut targets = by_name.filter_map(|import| self.resolve(module, &import.path));
        targets.next().or_else(|| {
            let globs = imports.iter().filter(|import| import.name == "*");
            globs
                .filter_map(|glob| self.import_target(module, glob))
                .filter(|target| target.module() != module)
                .find_map(|target| self.named(target.module(), name))
        })
    }
}

/// Groups imports by the pairs that `key` makes of them.
pub(crate) fn by_pair<'a>(
    imports: &'a [FileImport],
    key: impl Fn(&'a str) -> Option<&'a str>,
) -> BTreeMap<(&'a str, &'a str), Vec<&'a FileImport>> {
    let mut pairs: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for import in imports {
        if let (Some(from), Some(to)) = (key(&import.from), key(&import.to))
            && from != to
        {
            pairs.entry((from, to)).or_default().push(import);
        }
    }
    pairs
}
