//! `tools`, `tool_choice`, `parallel_tool_calls`.

use serde_json::{Map, Value, json};

use super::Writer;
use crate::Dialect;
use crate::hub::{Tool, ToolChoice};

impl Writer<'_> {
    /// Tools in the caller's order (case 69). The choice goes along only with tools (case 42).
    pub(super) fn tools(&mut self) {
        let mut tools = Vec::new();
        for tool in &self.request.tools {
            match tool_value(tool, self.is_native) {
                Ok(value) => {
                    if matches!(tool, Tool::Function { cache: Some(_), .. }) && !self.is_native {
                        self.drop("cache_control");
                    }
                    tools.push(value);
                }
                Err(name) => self.drop(name),
            }
        }
        let has_tools = !tools.is_empty();
        if has_tools {
            self.put("tools", tools);
        }
        self.choice(has_tools);
        match self.request.parallel_tool_calls {
            Some(parallel) if has_tools && !self.target.quirks.no_parallel_tool_calls => {
                self.put("parallel_tool_calls", parallel);
            }
            Some(false) if has_tools => {
                self.drop(self.words().field("parallel_tool_calls"));
            }
            _ => {}
        }
    }

    fn choice(&mut self, has_tools: bool) {
        let Some(choice) = &self.request.tool_choice else { return };
        let is_moot = matches!(choice, ToolChoice::Auto | ToolChoice::None);
        if has_tools {
            self.put("tool_choice", choice_value(choice, &self.request.tools));
        } else if !is_moot {
            self.drop(self.words().field("tool_choice"));
        }
    }
}

/// A choice as this dialect writes it; `tools` tell functions from custom tools.
pub(in crate::openai_responses) fn choice_value(choice: &ToolChoice, tools: &[Tool]) -> Value {
    match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Named(name) => named(name, tools),
        ToolChoice::Allowed { names, required } => json!({
            "type": "allowed_tools",
            "mode": if *required { "required" } else { "auto" },
            "tools": names.iter().map(|name| named(name, tools)).collect::<Vec<_>>(),
        }),
    }
}

fn named(name: &str, tools: &[Tool]) -> Value {
    let is_custom = tools.iter().any(|tool| match tool {
        Tool::Opaque { json, .. } => {
            json["type"] == "custom" && json.get("custom").unwrap_or(json)["name"] == name
        }
        Tool::Function { .. } => false,
    });
    json!({"type": if is_custom { "custom" } else { "function" }, "name": name})
}

/// A tool's declaration; the name of the tool when this dialect does not know it. `strict` as the caller gave it, else
/// absent for callers of this dialect and false for others, who do not expect strict mode.
pub(in crate::openai_responses) fn tool_value(tool: &Tool, is_native: bool) -> Result<Value, String> {
    match tool {
        Tool::Function { name, description, parameters, strict, .. } => {
            let mut value = Map::new();
            value.insert("type".to_owned(), "function".into());
            value.insert("name".to_owned(), name.as_str().into());
            if let Some(description) = description {
                value.insert("description".to_owned(), description.as_str().into());
            }
            let parameters = parameters.clone();
            let parameters = parameters.unwrap_or_else(|| json!({"type": "object", "properties": {}}));
            value.insert("parameters".to_owned(), parameters);
            if let Some(strict) = strict.or((!is_native).then_some(false)) {
                value.insert("strict".to_owned(), strict.into());
            }
            Ok(Value::Object(value))
        }
        Tool::Opaque { dialect: Dialect::OpenaiResponses, json, .. } => Ok(json.clone()),
        Tool::Opaque { dialect: Dialect::OpenaiChat, json, .. } if json["type"] == "custom" => {
            Ok(flat_custom(&json["custom"]))
        }
        Tool::Opaque { name, .. } => Err(name.clone()),
    }
}

/// A custom tool of OpenAI chat in the words of this dialect: what chat nests in `custom` and `grammar` lies flat here.
fn flat_custom(custom: &Value) -> Value {
    let mut tool = Map::new();
    tool.insert("type".to_owned(), "custom".into());
    for (key, value) in custom.as_object().into_iter().flatten() {
        let value = match value.get("grammar").and_then(Value::as_object) {
            Some(grammar) if key == "format" => {
                let mut format = Map::from_iter([("type".to_owned(), "grammar".into())]);
                format.extend(grammar.clone());
                Value::Object(format)
            }
            _ => value.clone(),
        };
        tool.insert(key.clone(), value);
    }
    Value::Object(tool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_52_a_custom_tool_of_chat_is_one_here_too() {
        let grammar = json!({"syntax": "lark", "definition": "start: /a/"});
        let custom = json!({"name": "run", "format": {"type": "grammar", "grammar": grammar}});
        let chat = Tool::Opaque {
            dialect: Dialect::OpenaiChat,
            name: "tools[0] (custom)".into(),
            json: json!({"type": "custom", "custom": custom}),
        };
        let format = json!({"type": "grammar", "syntax": "lark", "definition": "start: /a/"});
        let expected = json!({"type": "custom", "name": "run", "format": format});
        assert_eq!(tool_value(&chat, false).unwrap(), expected);
        let choice = choice_value(&ToolChoice::Named("run".into()), &[chat]);
        assert_eq!(choice, json!({"type": "custom", "name": "run"}));
    }
}
