//! The tokenizer and the chat template, on a tiny byte-level model made here.

use std::ffi::{CStr, CString};
use std::path::Path;
use std::ptr::null_mut;

use awqm_tokenizer::ffi::*;
use awqm_tokenizer::text::{ModelText, Stream};
use serde_json::{Map, json};

/// GPT-2's printable stand-in for each byte, so that the vocabulary below is complete.
fn byte_chars() -> Vec<char> {
    let printable = |b: u32| (33..=126).contains(&b) || (161..=172).contains(&b) || (174..=255).contains(&b);
    let mut next = 256;
    (0..256)
        .map(|b| {
            let code = if printable(b) {
                b
            } else {
                next += 1;
                next - 1
            };
            char::from_u32(code).unwrap()
        })
        .collect()
}

const END: u32 = 258;
const HE: u32 = 256;

/// A directory with all 256 bytes, the merge "he" and one special token.
fn model(template: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut vocab = Map::new();
    for (id, c) in byte_chars().into_iter().enumerate() {
        vocab.insert(c.to_string(), json!(id));
    }
    vocab.insert("he".into(), json!(HE));
    vocab.insert("<s>".into(), json!(257));
    let special = |id: u32, content: &str| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
               "normalized": false, "special": true})
    };
    let byte_level =
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    let tokenizer = json!({
        "version": "1.0",
        "truncation": {"max_length": 4, "strategy": "LongestFirst", "stride": 0, "direction": "Right"},
        "padding": null,
        "added_tokens": [special(257, "<s>"), special(END, "<|end|>")],
        "normalizer": null,
        "pre_tokenizer": byte_level.clone(),
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [257], "tokens": ["<s>"]}},
        },
        "decoder": byte_level,
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                  "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "vocab": vocab,
                  "merges": ["h e"]},
    });
    write(dir.path(), "tokenizer.json", &tokenizer.to_string());
    let config = json!({"bos_token": {"content": "<s>"}, "eos_token": "<|end|>", "chat_template": template});
    write(dir.path(), "tokenizer_config.json", &config.to_string());
    write(dir.path(), "generation_config.json", r#"{"eos_token_id": [7, 9]}"#);
    write(dir.path(), "config.json", r#"{"eos_token_id": 7}"#);
    dir
}

fn write(dir: &Path, name: &str, text: &str) {
    std::fs::write(dir.join(name), text).unwrap();
}

const TEMPLATE: &str = "{{ bos_token }}{% for m in messages %}\n  {% if m['role'] == 'system' %}\n\
[{{ m.content.strip() }}]{% else %}\n<{{ m['content'] }}>{% endif %}\n{% endfor %}\n\
{% if add_generation_prompt %}\nanswer:{% endif %}";

#[test]
fn encodes_whole_texts_with_and_without_special_tokens() {
    let dir = model(TEMPLATE);
    let model = ModelText::open(dir.path()).unwrap();
    let plain = model.encode("the hen<|end|>", false).unwrap();
    assert_eq!(plain, [u32::from(b't'), HE, u32::from(b' '), HE, u32::from(b'n'), END]);
    let mut with = vec![257];
    with.extend(&plain);
    assert_eq!(model.encode("the hen<|end|>", true).unwrap(), with);
}

#[test]
fn end_tokens_come_from_all_three_files() {
    let dir = model(TEMPLATE);
    assert_eq!(ModelText::open(dir.path()).unwrap().eos(), [7, 9, END]);
}

#[test]
fn stream_holds_back_unfinished_characters() {
    let dir = model(TEMPLATE);
    let model = ModelText::open(dir.path()).unwrap();
    let text = "hé 🎈!";
    let mut stream = Stream::default();
    let pieces: Vec<String> =
        model.encode(text, false).unwrap().into_iter().map(|id| stream.next(&model, id).unwrap()).collect();
    assert_eq!(pieces, ["h", "", "é", " ", "", "", "", "🎈", "!"]);
    assert_eq!(stream.finish(&model).unwrap(), "");
    // A text that stops in the middle of a character.
    stream.next(&model, 0xF0).unwrap();
    assert_eq!(stream.finish(&model).unwrap(), "\u{FFFD}");
    assert_eq!(stream.next(&model, END).unwrap(), "");
}

#[test]
fn chat_renders_as_hugging_face_does() {
    let dir = model(TEMPLATE);
    let text = ModelText::open(dir.path()).unwrap();
    assert_eq!(text.chat(Some(" be brief "), "hi").unwrap().unwrap(), "<s>[be brief]<hi>answer:");
    assert_eq!(text.chat(None, "a & <b>").unwrap().unwrap(), "<s><a & <b>>answer:");
    // A template file of its own wins over the one in the config.
    write(dir.path(), "chat_template.jinja", "{{ messages[-1].content }}");
    assert_eq!(ModelText::open(dir.path()).unwrap().chat(None, "hi").unwrap().unwrap(), "hi");
}

#[test]
fn bad_templates_are_errors_with_their_words() {
    let open = |template| ModelText::open(model(template).path());
    assert!(open("{% if %}").err().unwrap().contains("chat_template"));
    let raising = open("{{ raise_exception('no system role') }}").unwrap();
    assert!(raising.chat(None, "x").unwrap_err().contains("no system role"));
    let endless =
        open("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}").unwrap();
    assert!(endless.chat(None, "x").unwrap_err().contains("fuel"));
}

#[test]
fn c_interface_fills_and_fails() {
    let dir = model(TEMPLATE);
    let path = CString::new(dir.path().to_str().unwrap()).unwrap();
    // SAFETY: never NULL, and terminated.
    let message = || unsafe { CStr::from_ptr(hf_error()) }.to_str().unwrap().to_owned();
    // SAFETY: every pointer is to a live local of the size beside it, or NULL where the call must cope.
    unsafe {
        let mut tokenizer = null_mut();
        assert_eq!(hf_tokenizer_open(path.as_ptr(), &mut tokenizer), HF_OK);
        let (mut count, mut ids) = (0, [0u32; 4]);
        let text = c"hehe!";
        let encode = |ids, cap, count| hf_tokenizer_encode(tokenizer, text.as_ptr(), 5, 0, ids, cap, count);
        assert_eq!((encode(null_mut(), 0, &mut count), count), (HF_OK, 3));
        assert_eq!((encode(ids.as_mut_ptr(), 2, &mut count), count), (HF_TOO_SMALL, 3));
        assert!(message().contains("needed 3"));
        assert_eq!(encode(ids.as_mut_ptr(), 4, &mut count), HF_OK);
        assert_eq!(ids, [HE, HE, u32::from(b'!'), 0]);
        assert_eq!((hf_tokenizer_is_end(tokenizer, END), hf_tokenizer_is_end(tokenizer, 1)), (1, 0));

        let bad = [0xC3u8];
        let status = hf_tokenizer_encode(tokenizer, bad.as_ptr().cast(), 1, 0, null_mut(), 0, &mut count);
        assert_eq!(status, HF_FAILED);
        assert!(message().contains("UTF-8"));
        assert_eq!(
            hf_tokenizer_encode(std::ptr::null(), text.as_ptr(), 5, 0, null_mut(), 0, &mut count),
            HF_FAILED
        );

        let stream = hf_stream_new();
        let (mut piece, mut length) = (std::ptr::null(), 0);
        assert_eq!(hf_stream_next(stream, tokenizer, HE, &mut piece, &mut length), HF_OK);
        assert_eq!(std::slice::from_raw_parts(piece.cast::<u8>(), length), b"he");
        hf_stream_free(stream);
        hf_stream_free(null_mut());
        hf_tokenizer_free(tokenizer);
        hf_tokenizer_free(null_mut());

        assert_eq!(hf_tokenizer_open(c"/nowhere".as_ptr(), &mut tokenizer), HF_FAILED);
        assert!(tokenizer.is_null() && message().contains("/nowhere/tokenizer.json"));
    }
}
