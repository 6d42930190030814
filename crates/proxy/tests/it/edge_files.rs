//! Static files: found safely, told with validators, ranges and compressed twins.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tidegate_proxy::edge::Action;
use tidegate_proxy::edge::files::Files;

use crate::edge_house::{below, body, get, header, open, route, say, site, status};
use crate::house::House;

fn files(root: &Path) -> Files {
    Files {
        root: root.to_owned(),
        index: "index.html".into(),
        fallback: None,
        expires: None,
        is_immutable: false,
        precompressed: true,
        recent: Default::default(),
    }
}

/// A folder with a few files, served under `/s/`.
async fn served(change: impl FnOnce(&mut Files)) -> (House, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("site");
    fs::create_dir_all(root.join("docs")).unwrap();
    fs::write(root.join("a.txt"), "0123456789").unwrap();
    fs::write(root.join("index.html"), "<p>home</p>").unwrap();
    fs::write(root.join("docs/index.html"), "<p>docs</p>").unwrap();
    fs::write(root.join("app.js"), "let x = 1;".repeat(500)).unwrap();
    fs::write(root.join("app.js.gz"), "not really gzip").unwrap();
    fs::write(root.join(".env"), "SECRET").unwrap();
    fs::create_dir_all(root.join(".git")).unwrap();
    fs::write(root.join(".git/config"), "SECRET").unwrap();
    fs::write(folder.path().join("outside.txt"), "SECRET").unwrap();
    symlink(folder.path().join("outside.txt"), root.join("link.txt")).unwrap();
    symlink(root.join(".env"), root.join("env.txt")).unwrap();
    symlink(root.join("a.txt"), root.join("inner.txt")).unwrap();
    let large: Vec<u8> = (0..700_000u32).flat_map(u32::to_le_bytes).collect();
    fs::write(root.join("large.bin"), large).unwrap();
    let mut files = files(&root);
    change(&mut files);
    let mut route = route(Action::Files(files));
    route.compression = Some(Default::default());
    (open(site(vec![(below("/s/"), route)])).await, folder)
}

#[tokio::test]
async fn files_are_told_with_type_and_validators_and_asked_for_again_are_not_modified() {
    let (house, _folder) = served(|files| {
        files.expires = Some(Duration::from_secs(31_536_000));
        files.is_immutable = true;
    })
    .await;
    let answer = get(house.address, "/s/a.txt", "").await;
    assert_eq!((status(&answer), body(&answer)), ("200", "0123456789"));
    assert_eq!(header(&answer, "content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(header(&answer, "cache-control"), Some("public, max-age=31536000, immutable"));
    let (etag, date) = (header(&answer, "etag").unwrap(), header(&answer, "last-modified").unwrap());
    for condition in [format!("if-none-match: {etag}\r\n"), format!("if-modified-since: {date}\r\n")] {
        let again = get(house.address, "/s/a.txt", &condition).await;
        assert_eq!((status(&again), body(&again)), ("304", ""), "{condition}");
        assert_eq!(header(&again, "etag"), Some(etag));
    }
    let other = get(house.address, "/s/a.txt", "if-match: \"other\"\r\n").await;
    assert_eq!(status(&other), "412");
    let head = say(house.address, "HEAD /s/a.txt HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await;
    assert_eq!((header(&head, "content-length"), body(&head)), (Some("10"), ""));
    let post = say(
        house.address,
        "POST /s/a.txt HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
    )
    .await;
    assert_eq!((status(&post), header(&post, "allow")), ("405", Some("GET, HEAD")));
}

#[tokio::test]
async fn fault_77_nothing_outside_the_folder_and_nothing_hidden_is_told() {
    let (house, _folder) = served(|_| ()).await;
    for path in [
        "/s/.env",
        "/s/.git/config",
        "/s/link.txt",
        "/s/env.txt",
        "/s/%2eenv",
        "/s/docs/../.env",
        "/s/none",
        "/s/a.txt/",
        "/s/a.txt/x",
    ] {
        let answer = get(house.address, path, "").await;
        assert_eq!(status(&answer), "404", "{path}: {answer}");
        assert!(!answer.contains("SECRET"), "{path}");
    }
    for path in ["/s/..%2foutside.txt", "/s/..%5coutside.txt", "/s/a.txt%00", "/s/%2e%2e/%2e%2e/etc/passwd"] {
        assert_eq!(status(&get(house.address, path, "").await), "400", "{path}");
    }
    assert_eq!(body(&get(house.address, "/s/inner.txt", "").await), "0123456789", "a link that stays inside");
}

#[tokio::test]
async fn rfc_9110_14_ranges() {
    let (house, _folder) = served(|_| ()).await;
    let ask = async |range: &str| get(house.address, "/s/a.txt", &format!("range: {range}\r\n")).await;
    for (range, part, told) in [
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=8-", "89", "bytes 8-9/10"),
    ] {
        let answer = ask(range).await;
        assert_eq!((status(&answer), body(&answer)), ("206", part), "{range}");
        assert_eq!(header(&answer, "content-range"), Some(told));
        assert_eq!(header(&answer, "content-length"), Some(part.len().to_string().as_str()));
    }
    let answer = ask("bytes=0-1,5-6").await;
    assert_eq!(status(&answer), "206");
    assert!(header(&answer, "content-type").unwrap().starts_with("multipart/byteranges; boundary="));
    assert!(
        body(&answer).contains("bytes 0-1/10\r\n\r\n01\r\n--") && body(&answer).contains("\r\n\r\n56\r\n--")
    );
    let length: usize = header(&answer, "content-length").unwrap().parse().unwrap();
    assert_eq!(answer.len() - answer.find("\r\n\r\n").unwrap() - 4, length);
    let answer = ask("bytes=20-").await;
    assert_eq!((status(&answer), header(&answer, "content-range")), ("416", Some("bytes */10")));
    let many = (0..40).map(|at| format!("{at}-{at}")).collect::<Vec<_>>().join(",");
    assert_eq!(status(&ask(&format!("bytes={many}")).await), "200", "too many parts are not worth it");
    assert_eq!(
        status(&get(house.address, "/s/a.txt", "range: bytes=0-1\r\nif-range: \"old\"\r\n").await),
        "200"
    );
}

#[tokio::test]
async fn a_large_file_comes_whole_and_is_written_down_once_its_last_byte_has_left() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (house, _folder) = served(|_| ()).await;
    let mut stream = tokio::net::TcpStream::connect(house.address).await.unwrap();
    stream.write_all(b"GET /s/large.bin HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut read = Vec::new();
    stream.read_to_end(&mut read).await.unwrap();
    let at = read.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let expected: Vec<u8> = (0..700_000u32).flat_map(u32::to_le_bytes).collect();
    assert!(read[at..] == expected, "{} bytes", read.len() - at);
    let line = house.only_line();
    assert_eq!((&line["endpoint"], &line["outcome"]), (&"static".into(), &"complete".into()));
}

#[tokio::test]
async fn twins_are_told_in_place_of_the_file_and_what_has_none_is_compressed_on_the_way() {
    let (house, folder) = served(|_| ()).await;
    let twin = get(house.address, "/s/app.js", "accept-encoding: gzip\r\n").await;
    assert_eq!((header(&twin, "content-encoding"), body(&twin)), (Some("gzip"), "not really gzip"));
    assert_eq!(header(&twin, "content-type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(header(&twin, "vary"), Some("accept-encoding"));
    let plain = get(house.address, "/s/app.js", "").await;
    assert_eq!((header(&plain, "content-encoding"), body(&plain).len()), (None, 5000));
    fs::write(folder.path().join("site/big.css"), "a { color: red }\n".repeat(1000)).unwrap();
    let packed = get(house.address, "/s/big.css", "accept-encoding: gzip, br;q=0.5\r\n").await;
    assert_eq!(header(&packed, "content-encoding"), Some("gzip"));
    assert!(header(&packed, "etag").unwrap().starts_with("W/"), "{packed}");
    assert!(packed.len() < 2000, "{}", packed.len());
    let small = get(house.address, "/s/a.txt", "accept-encoding: gzip\r\n").await;
    assert_eq!(header(&small, "content-encoding"), None, "below the least length");
}

#[tokio::test]
async fn folders_show_their_index_and_applications_their_page() {
    let (house, _folder) = served(|files| files.fallback = Some("index.html".into())).await;
    assert_eq!(body(&get(house.address, "/s/", "").await), "<p>home</p>");
    assert_eq!(body(&get(house.address, "/s/docs/", "").await), "<p>docs</p>");
    let slash = get(house.address, "/s/docs?x=1", "").await;
    assert_eq!((status(&slash), header(&slash, "location")), ("301", Some("/s/docs/?x=1")));
    let page = get(house.address, "/s/users/7", "").await;
    assert_eq!((status(&page), body(&page)), ("200", "<p>home</p>"));
    assert_eq!(header(&page, "cache-control"), Some("no-cache"));
    assert_eq!(
        status(&get(house.address, "/s/gone.js", "accept: */*\r\n").await),
        "404",
        "a script is no page"
    );
}

#[tokio::test]
async fn a_coding_that_is_not_made_on_the_way_is_not_announced() {
    let (house, _folder) = served(|_| {}).await;
    let answer = get(house.address, "/s/app.js", "accept-encoding: zstd\r\n").await;
    assert_eq!(header(&answer, "content-encoding"), None);
    assert!(body(&answer).starts_with("let x = 1;"), "{answer}");
}
