//! Names of tools that the target would refuse (cases 39 and 41): changed everywhere in a request, changed back in the answer.

use std::collections::HashSet;

use super::fingerprint::fingerprint;
use crate::Dialect;
use crate::hub::{ChatRequest, ChatResponse, Event, Part, PartStart, Tool, ToolChoice};

/// Which names were changed. The same request always gives the same names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolNames {
    /// The caller's name and the one that the target sees.
    changed: Vec<(String, String)>,
}

impl ToolNames {
    /// Changes every name in `request` that `target` would refuse: in tools, choice and history.
    pub fn adapt(request: &mut ChatRequest, target: Dialect) -> Self {
        let mut seen = Vec::new();
        for_each_name(request, &mut |name| {
            if !seen.contains(name) {
                seen.push(name.clone());
            }
        });
        let rule = Rule::of(target);
        let (good, bad): (Vec<_>, Vec<_>) = seen.into_iter().partition(|name| rule.allows(name));
        if bad.is_empty() {
            return Self::default();
        }
        let mut taken: HashSet<String> = good.into_iter().collect();
        let mut names = Self::default();
        for name in bad {
            let new = rule.rename(&name, &taken);
            taken.insert(new.clone());
            names.changed.push((name, new));
        }
        for_each_name(request, &mut |name| {
            if let Some((_, new)) = names.changed.iter().find(|(old, _)| old == name) {
                name.clone_from(new);
            }
        });
        names
    }

    /// Puts the caller's names back into an answer.
    pub fn restore_response(&self, response: &mut ChatResponse) {
        for part in &mut response.parts {
            if let Part::ToolCall(call) = part {
                self.restore(&mut call.name);
            }
        }
    }

    /// Puts the caller's name back into an event.
    pub fn restore_event(&self, event: &mut Event) {
        if let Event::PartStart { part: PartStart::ToolCall { name, .. }, .. } = event {
            self.restore(name);
        }
    }

    fn restore(&self, name: &mut String) {
        if let Some((old, _)) = self.changed.iter().find(|(_, new)| new == name) {
            name.clone_from(old);
        }
    }
}

fn for_each_name(request: &mut ChatRequest, act: &mut dyn FnMut(&mut String)) {
    for tool in &mut request.tools {
        if let Tool::Function { name, .. } = tool {
            act(name);
        }
    }
    match &mut request.tool_choice {
        Some(ToolChoice::Named(name)) => act(name),
        Some(ToolChoice::Allowed { names, .. }) => names.iter_mut().for_each(&mut *act),
        _ => {}
    }
    for part in request.turns.iter_mut().flat_map(|turn| &mut turn.parts) {
        match part {
            Part::ToolCall(call) => act(&mut call.name),
            Part::ToolResult(result) => result.name.iter_mut().for_each(&mut *act),
            _ => {}
        }
    }
}

/// What a dialect takes as a name.
struct Rule {
    longest: usize,
    /// Besides ASCII letters and digits.
    signs: &'static str,
    /// Whether the first must be a letter or an underscore.
    is_identifier: bool,
}

impl Rule {
    fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::OpenaiChat | Dialect::OpenaiResponses => {
                Self { longest: 64, signs: "_-", is_identifier: false }
            }
            Dialect::Anthropic => Self { longest: 128, signs: "_-", is_identifier: false },
            Dialect::Gemini => Self { longest: 64, signs: "_-.:", is_identifier: true },
        }
    }

    fn allows(&self, name: &str) -> bool {
        (1..=self.longest).contains(&name.len())
            && name.chars().all(|sign| self.takes(sign))
            && !(self.is_identifier && self.needs_prefix(name))
    }

    fn takes(&self, sign: char) -> bool {
        sign.is_ascii_alphanumeric() || self.signs.contains(sign)
    }

    fn needs_prefix(&self, name: &str) -> bool {
        !name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
    }

    /// The closest name that is allowed and free. A mark of the whole name is appended where the name had to be cut or
    /// is taken.
    fn rename(&self, name: &str, taken: &HashSet<String>) -> String {
        let mut new: String = name.chars().map(|sign| if self.takes(sign) { sign } else { '_' }).collect();
        if new.is_empty() || (self.is_identifier && self.needs_prefix(&new)) {
            new.insert(0, '_');
        }
        if new.len() <= self.longest && !taken.contains(&new) {
            return new;
        }
        let mut mark = fingerprint(name);
        loop {
            let head = &new[..new.len().min(self.longest - 9)];
            let marked = format!("{head}_{}", &mark[..8]);
            if !taken.contains(&marked) {
                return marked;
            }
            mark = fingerprint(&mark);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{Role, ToolCall, ToolResult, Turn};
    use proptest::prelude::*;

    fn tool(name: &str) -> Tool {
        Tool::Function { name: name.into(), description: None, parameters: None, strict: None, cache: None }
    }

    fn request(names: &[String]) -> ChatRequest {
        let call = |name: &String| Part::ToolCall(ToolCall { name: name.clone(), ..ToolCall::default() });
        let result = |name: &String| {
            Part::ToolResult(ToolResult { name: Some(name.clone()), ..ToolResult::default() })
        };
        ChatRequest {
            tools: names.iter().map(|name| tool(name)).collect(),
            tool_choice: names.first().cloned().map(ToolChoice::Named),
            turns: vec![
                Turn { role: Role::Assistant, parts: names.iter().map(call).collect(), name: None },
                Turn { role: Role::User, parts: names.iter().map(result).collect(), name: None },
            ],
            ..ChatRequest::default()
        }
    }

    fn names_of(request: &mut ChatRequest) -> Vec<String> {
        let mut names = Vec::new();
        for_each_name(request, &mut |name| names.push(name.clone()));
        names
    }

    #[test]
    fn case_39_names_are_changed_everywhere_and_back() {
        let mut request = request(&["fs.read file".into(), "ok".into()]);
        let names = ToolNames::adapt(&mut request, Dialect::OpenaiChat);
        let (bad, good) = ("fs_read_file", "ok");
        assert_eq!(names_of(&mut request), [bad, good, bad, bad, good, bad, good]);
        let call = ToolCall { name: bad.into(), ..ToolCall::default() };
        let mut response = ChatResponse { parts: vec![Part::ToolCall(call)], ..ChatResponse::default() };
        names.restore_response(&mut response);
        assert!(matches!(&response.parts[0], Part::ToolCall(call) if call.name == "fs.read file"));
    }

    #[test]
    fn case_41_a_named_choice_follows_the_renaming() {
        let mut request = request(&["a b".into()]);
        ToolNames::adapt(&mut request, Dialect::Anthropic);
        assert_eq!(request.tool_choice, Some(ToolChoice::Named("a_b".into())));
        request.tool_choice = Some(ToolChoice::Allowed { names: vec!["x y".into()], required: true });
        ToolNames::adapt(&mut request, Dialect::Anthropic);
        assert_eq!(
            request.tool_choice,
            Some(ToolChoice::Allowed { names: vec!["x_y".into()], required: true })
        );
    }

    #[test]
    fn long_and_clashing_names_stay_apart() {
        let long = "x".repeat(70);
        let mut request =
            request(&["a.b".into(), "a_b".into(), "a b".into(), format!("{long}1"), format!("{long}2")]);
        ToolNames::adapt(&mut request, Dialect::OpenaiChat);
        let sent: HashSet<_> = names_of(&mut request).into_iter().collect();
        assert_eq!(sent.len(), 5);
        assert!(sent.iter().all(|name| name.len() <= 64));
    }

    #[test]
    fn each_dialect_has_its_own_alphabet() {
        let mut for_gemini = request(&["mcp:files.read".into(), "7zip".into()]);
        ToolNames::adapt(&mut for_gemini, Dialect::Gemini);
        assert_eq!(names_of(&mut for_gemini)[..2], ["mcp:files.read", "_7zip"]);
        let mut for_anthropic = request(&["n".repeat(128)]);
        assert_eq!(ToolNames::adapt(&mut for_anthropic, Dialect::Anthropic), ToolNames::default());
    }

    proptest! {
        #[test]
        fn any_names_become_allowed_distinct_and_come_back(
            names in proptest::collection::hash_set("[a-c.: é-]{0,3}|[ab.]{60,70}", 1..8)
        ) {
            let names: Vec<String> = names.into_iter().collect();
            for target in Dialect::ALL {
                let mut adapted = request(&names);
                let map = ToolNames::adapt(&mut adapted, target);
                let sent: Vec<_> = names_of(&mut adapted)[..names.len()].to_vec();
                prop_assert!(sent.iter().all(|name| Rule::of(target).allows(name)), "{sent:?}");
                prop_assert_eq!(sent.iter().collect::<HashSet<_>>().len(), names.len());
                for (mut sent, name) in sent.into_iter().zip(&names) {
                    map.restore(&mut sent);
                    prop_assert_eq!(&sent, name);
                }
            }
        }
    }
}
