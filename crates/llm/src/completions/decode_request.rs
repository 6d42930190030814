//! Reads a caller's request.

use serde_json::Value;

use crate::fault::BadRequest;
use crate::fields::{Fields, wrong};
use crate::hub::{ChatRequest, Part, Role, Turn, Unmapped};
use crate::openai_chat::decode_request::{output_limit, sampling, stop, stream};

/// Reads the JSON body. The prompt becomes one user turn; without `max_tokens` the model's own limit holds, not the 16
/// tokens of old. What chat has no word for (`suffix`, `echo`, `best_of`, `logprobs`, …) goes to `unmapped`, which
/// belongs to no dialect: it is named as dropped wherever it goes.
///
/// Refused: prompts of token numbers, and several prompts in one request.
pub fn decode(body: &[u8]) -> Result<ChatRequest, BadRequest> {
    let mut body = Fields::parse(body)?;
    let mut unmapped = Vec::new();
    let mut request = ChatRequest { model: body.required_string("model")?, ..ChatRequest::default() };
    let prompt = prompt(body.required("prompt")?)?;
    request.turns = vec![Turn { role: Role::User, parts: vec![Part::text(prompt)], name: None }];
    (request.stream, request.include_usage) = stream(&mut body)?;
    request.sampling = sampling(&mut body)?;
    request.max_output_tokens = output_limit(&mut body, &mut unmapped)?;
    request.stop = stop(&mut body)?;
    request.end_user = body.string("user")?;
    skip_idle(&mut body)?;
    unmapped.extend(body.leftovers());
    request.unmapped = Unmapped { dialect: None, fields: unmapped };
    Ok(request)
}

fn prompt(prompt: Value) -> Result<String, BadRequest> {
    let refuse = |message: &str| Err(BadRequest::field("prompt", message));
    match prompt {
        Value::String(text) => Ok(text),
        Value::Array(mut items) => match items.as_mut_slice() {
            [] => refuse("`prompt` must not be an empty array"),
            [Value::String(text)] => Ok(std::mem::take(text)),
            [Value::Number(_) | Value::Array(_), ..] => {
                refuse("`prompt` must be text: this model cannot be given token numbers")
            }
            [Value::String(_), ..] => {
                refuse("`prompt` must be one text: this model takes no several prompts in one request")
            }
            [other, ..] => Err(wrong("prompt[0]", "a string", other)),
        },
        other => Err(wrong("prompt", "a string or an array of one string", &other)),
    }
}

/// Takes away what asks for nothing, after checking the counts.
fn skip_idle(body: &mut Fields) -> Result<(), BadRequest> {
    for name in ["n", "best_of"] {
        match body.peek(name).map(|count| (count.as_u64(), count.clone())) {
            Some((Some(1), _)) => drop(body.take(name)),
            Some((Some(0) | None, count)) => return Err(wrong(name, "a whole number of at least 1", &count)),
            Some((Some(_), _)) | None => {}
        }
    }
    if body.peek("echo") == Some(&Value::Bool(false)) {
        body.take("echo");
    }
    if body.peek_str("suffix").is_empty() && body.peek("suffix").is_some_and(Value::is_string) {
        body.take("suffix");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(body: Value) -> Result<ChatRequest, BadRequest> {
        decode(body.to_string().as_bytes())
    }

    #[test]
    fn one_prompt_is_one_user_turn() {
        for prompt in [json!("Once"), json!(["Once"])] {
            let body = json!({"model": "m", "prompt": prompt, "max_tokens": 5, "stop": "\n", "echo": true,
                "n": 1, "best_of": 2, "suffix": "", "logprobs": 3});
            let request = read(body).unwrap();
            assert_eq!(request.turns.len(), 1);
            assert_eq!(request.turns[0].parts, vec![Part::text("Once")]);
            assert_eq!((request.max_output_tokens, request.stop), (Some(5), vec!["\n".to_owned()]));
            let names: Vec<&str> = request.unmapped.fields.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["echo", "best_of", "logprobs"]);
            assert_eq!(request.unmapped.dialect, None);
        }
    }

    #[test]
    fn other_prompts_are_refused_by_name() {
        for prompt in
            [json!([1, 2]), json!([[1, 2]]), json!(["a", "b"]), json!([]), json!(5), json!([{}]), json!(null)]
        {
            let error = read(json!({"model": "m", "prompt": prompt})).unwrap_err();
            assert!(error.param.is_some_and(|param| param.starts_with("prompt")), "{prompt}");
        }
    }
}
