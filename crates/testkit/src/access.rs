//! Who may call: any key will do, none will not, and two keys are always refused.

use http::HeaderMap;

use crate::vendor_error::Complaint;

/// Reads the key of any vendor's way to send one, and refuses a request without a good one.
pub(crate) fn admit(headers: &HeaderMap, query: &str) -> Result<(), Complaint> {
    match key(headers, query) {
        None | Some("") => Err(Complaint::new(401, "You didn't provide an API key.")),
        Some("bad-key") => Err(Complaint::new(401, "Incorrect API key provided.")),
        Some("unpaid") => Err(Complaint::new(402, "The account behind this API key has run out of credit.")),
        Some(key) if key.starts_with("limited") => {
            Err(Complaint::new(429, "Rate limit reached for this API key."))
        }
        Some("forbidden") => Err(Complaint::new(403, "Your API key may not use this resource.")),
        Some(_) => Ok(()),
    }
}

fn key<'a>(headers: &'a HeaderMap, query: &'a str) -> Option<&'a str> {
    let bearer = || headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ");
    let named = ["x-api-key", "x-goog-api-key", "api-key"];
    let in_header = || named.iter().find_map(|name| headers.get(*name)?.to_str().ok());
    let in_query = || query.split('&').find_map(|pair| pair.strip_prefix("key="));
    bearer().or_else(in_header).or_else(in_query)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(name: &'static str, value: &'static str, query: &str) -> u16 {
        let headers = HeaderMap::from_iter([(http::HeaderName::from_static(name), value.parse().unwrap())]);
        admit(&headers, query).map_or_else(|complaint| complaint.status, |()| 200)
    }

    #[test]
    fn every_vendors_way() {
        assert_eq!(status("authorization", "Bearer k", ""), 200);
        assert_eq!(status("authorization", "Basic k", ""), 401);
        assert_eq!(status("x-api-key", "k", ""), 200);
        assert_eq!(status("x-goog-api-key", "k", ""), 200);
        assert_eq!(status("api-key", "forbidden", ""), 403);
        assert_eq!(status("x-api-key", "bad-key", ""), 401);
        assert_eq!(status("accept", "*/*", "alt=sse&key=k"), 200);
        assert_eq!(status("accept", "*/*", ""), 401);
    }
}
