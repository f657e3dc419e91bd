use super::*;

fn bytes(bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len();
    let mut head = match u8::try_from(length) {
        Ok(short @ 0..24) => vec![0x40 | short],
        Ok(byte) => vec![0x58, byte],
        Err(_) => {
            vec![0x59, u8::try_from(length >> 8).unwrap(), u8::try_from(length & 255).unwrap()]
        }
    };
    head.extend_from_slice(bytes);
    head
}

fn es256() -> Vec<u8> {
    [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21][..], &bytes(&[7; 32]), &[0x22], &bytes(&[8; 32])]
        .concat()
}

fn ed25519() -> Vec<u8> {
    [&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21][..], &bytes(&[9; 32])].concat()
}

fn rs256(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let head = [0xa4, 1, 3, 3, 0x39, 1, 0, 0x20];
    [&head[..], &bytes(modulus), &[0x21], &bytes(exponent)].concat()
}

fn data(flags: u8, rest: &[u8]) -> Vec<u8> {
    [&[3; 32][..], &[flags], &[0, 0, 1, 2], rest].concat()
}

fn made(id: &[u8], key: &[u8]) -> Vec<u8> {
    let length = u16::try_from(id.len()).unwrap().to_be_bytes();
    [&[0; 16][..], &length, id, key].concat()
}

fn attested(form: &str, stated: &[u8], data: &[u8]) -> Vec<u8> {
    let text = |text: &str| [&[0x60 | u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let parts = [vec![0xa3], text("fmt"), text(form), text("attStmt"), stated.to_vec()];
    [parts.concat(), text("authData"), bytes(data)].concat()
}

#[test]
fn a_key_is_of_one_kind_with_its_one_algorithm() {
    let point: Vec<u8> = [&[4][..], &[7; 32], &[8; 32]].concat();
    assert_eq!(PublicKey::parse(&es256()), Ok(PublicKey::Es256(point.try_into().unwrap())));
    assert_eq!(PublicKey::parse(&ed25519()), Ok(PublicKey::EdDsa([9; 32])));
    let modulus = vec![0x80; 256];
    let rsa = PublicKey::Rs256 { modulus: modulus.clone(), exponent: vec![1, 0, 1] };
    assert_eq!(PublicKey::parse(&rs256(&modulus, &[1, 0, 1])), Ok(rsa));
    let changed = |at: usize, byte| {
        let mut key = es256();
        key[at] = byte;
        PublicKey::parse(&key)
    };
    // Another kind, algorithm, curve, label: each alone.
    for (at, byte) in [(2, 1), (2, 3), (4, 0x27), (4, 0x25), (6, 2), (1, 2), (3, 4), (7, 0x22)] {
        assert_eq!(changed(at, byte), Err(PasskeyError::Key), "byte {at}");
    }
    for modulus in [vec![0x80; 255], vec![0x80; 513], [&[0][..], &[0x80; 255]].concat(), vec![]] {
        assert_eq!(PublicKey::parse(&rs256(&modulus, &[1, 0, 1])), Err(PasskeyError::Key));
    }
    for exponent in [&[3][..], &[1], &[0, 1, 0, 1], &[]] {
        assert_eq!(PublicKey::parse(&rs256(&modulus, exponent)), Err(PasskeyError::Key));
    }
    assert_eq!(PublicKey::parse(&[es256(), vec![0]].concat()), Err(PasskeyError::Cbor));
    // The same number in more bytes than it needs.
    let long = [&[0xa5, 0x18, 1][..], &es256()[2..]].concat();
    assert_eq!(PublicKey::parse(&long), Err(PasskeyError::Cbor));
}

#[test]
fn an_attestation_is_none() {
    let data = data(0x45, &made(&[1; 16], &es256()));
    assert_eq!(parse_attestation(&attested("none", &[0xa0], &data)), Ok(&data[..]));
    let packed = attested("packed", &[0xa1, 0x63, b'a', b'l', b'g', 0x26], &data);
    assert_eq!(parse_attestation(&packed), Err(PasskeyError::Attestation));
    for form in ["packed", "fido-u2f", "None", ""] {
        let other = attested(form, &[0xa0], &data);
        assert_eq!(parse_attestation(&other), Err(PasskeyError::Attestation), "{form}");
    }
    let whole = attested("none", &[0xa0], &data);
    for end in 0..whole.len() {
        assert!(parse_attestation(&whole[..end]).is_err(), "{end} bytes");
    }
    assert_eq!(parse_attestation(&[&whole[..], &[0]].concat()), Err(PasskeyError::Cbor));
    let huge = attested("none", &[0xa0], &vec![0; 20_000]);
    assert_eq!(parse_attestation(&huge), Err(PasskeyError::Size));
    // A length that would fill the memory, and lists within lists.
    for wrong in [vec![0xbb, 255, 255, 255, 255, 255, 255, 255, 255], vec![0x81; 9000], vec![0xbf]]
    {
        assert_eq!(parse_attestation(&wrong), Err(PasskeyError::Cbor));
    }
}

#[test]
fn authenticator_data_are_read_to_their_end() {
    let plain = data(0b1_1101, &[]);
    let read = AuthenticatorData::parse(&plain).unwrap();
    assert_eq!((read.party, read.counter, read.credential), ([3; 32], 258, None));
    assert!(read.is_present && read.is_verified && read.may_be_copied && read.is_copied);
    let read = AuthenticatorData::parse(&plain[..]).map(|_| ());
    assert_eq!(read, Ok(()));
    let none = data(0, &[]);
    let none = AuthenticatorData::parse(&none).unwrap();
    assert!(!none.is_present && !none.is_verified && !none.may_be_copied && !none.is_copied);
    // Copied, and not to be copied.
    assert_eq!(
        AuthenticatorData::parse(&data(0b1_0001, &[])),
        Err(PasskeyError::AuthenticatorData)
    );
    let extension = [&[0xa1, 0x6b][..], b"credProtect", &[2]].concat();
    let whole = data(0xc5, &[made(&[5; 20], &ed25519()), extension.clone()].concat());
    let read = AuthenticatorData::parse(&whole).unwrap().credential.unwrap();
    assert_eq!(
        (read.id, read.key, read.written),
        (&[5; 20][..], PublicKey::EdDsa([9; 32]), &ed25519()[..])
    );
    for end in 0..whole.len() {
        assert!(AuthenticatorData::parse(&whole[..end]).is_err(), "{end} bytes");
    }
    // More than was announced, or less.
    assert!(AuthenticatorData::parse(&data(0x05, &[0])).is_err());
    assert!(AuthenticatorData::parse(&data(0x45, &[])).is_err());
    assert!(AuthenticatorData::parse(&data(0x05, &extension)).is_err());
    assert!(AuthenticatorData::parse(&data(0x45, &made(&[5; 15], &ed25519()))).is_err());
    assert!(AuthenticatorData::parse(&data(0x45, &made(&[5; 1024], &ed25519()))).is_err());
    let deep = [&[0xa1, 0x61, b'a'][..], &[0x81; 5], &[0]].concat();
    assert_eq!(AuthenticatorData::parse(&data(0x85, &deep)), Err(PasskeyError::Cbor));
    assert_eq!(AuthenticatorData::parse(&data(0x85, &[0xa1; 9000])), Err(PasskeyError::Size));
}

#[test]
fn client_data_are_of_the_page_that_asked() {
    let parse = |text: &str| ClientData::parse(text.as_bytes(), Ceremony::Get);
    let good = r#"{"type":"webauthn.get","challenge":"AA","origin":"https://v.example","crossOrigin":false,"more":[1]}"#;
    let read = ClientData { challenge: "AA".into(), origin: "https://v.example".into() };
    assert_eq!(parse(good), Ok(read));
    assert_eq!(ClientData::parse(good.as_bytes(), Ceremony::Create), Err(PasskeyError::Ceremony));
    for (from, to) in [("false", "true"), (r#""more":[1]"#, r#""topOrigin":"https://e.example""#)] {
        assert_eq!(parse(&good.replace(from, to)), Err(PasskeyError::Embedded));
    }
    for wrong in [
        "",
        "null",
        "[]",
        r#"["webauthn.get","AA","https://v.example",false,null]"#,
        r#"{"type":"webauthn.get","challenge":"AA"}"#,
        r#"{"type":"webauthn.get","challenge":"AA","challenge":"AB","origin":"o"}"#,
        r#"{"type":"webauthn.get","challenge":"AA","origin":"o"} "x""#,
    ] {
        assert_eq!(parse(wrong), Err(PasskeyError::ClientData), "{wrong}");
    }
    assert_eq!(parse(&" ".repeat(5000)), Err(PasskeyError::Size));
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_not(
        bytes: Vec<u8>,
        at in 0_usize..200,
        byte: u8,
        text in "\\{(\"(type|challenge|origin|crossOrigin)\":(\"webauthn.get\"|true|[0-9\\[{]),?){0,5}\\}?",
    ) {
        let _ = ClientData::parse(&bytes, Ceremony::Get);
        let _ = ClientData::parse(text.as_bytes(), Ceremony::Get);
        let _ = (parse_attestation(&bytes), PublicKey::parse(&bytes), AuthenticatorData::parse(&bytes));
        let mut whole = attested("none", &[0xa0], &data(0x45, &made(&[1; 16], &es256())));
        if let Some(place) = whole.get_mut(at) {
            *place = byte;
        }
        if let Ok(data) = parse_attestation(&whole) {
            let _ = AuthenticatorData::parse(data);
        }
        let behind = data(0x85, &bytes);
        let _ = AuthenticatorData::parse(&behind);
    }
}
