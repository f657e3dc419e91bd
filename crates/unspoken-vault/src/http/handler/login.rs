//! Logins, as a program sees them: begun, and finished by a session.
//!
//! Rules:
//! - Whoever begins keeps a verifier, and sends its hash. Only the verifier finishes.
//! - The browser is sent back to the machine that it runs on, and nowhere else.
//! - A login gives one session.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use unspoken_model::{Action, LoginId, Outcome, shown};
use unspoken_wire::vault::{LoginBegun, LoginFinish, LoginRequest, TokenMade};

use super::session;
use crate::db::Desk;
use crate::hazmat;
use crate::http::answer::Json;
use crate::http::asked::Asked;
use crate::problem::{Kind, Problem};
use crate::sign_in::{Door, LoginRow, NewLogin, PersonRow, Progress, whence};

/// How many seconds a device waits between two questions.
const INTERVAL: u32 = 3;

/// What codes for people are made of: no vowels, so that no words come out, and none that looks
/// like another.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

pub(in crate::http) fn begin(
    desk: &mut Desk<'_>,
    asked: &Asked,
    body: &LoginRequest,
) -> Result<Json<LoginBegun>, Problem> {
    asked.doors.knock(Door::Begin, &whence(asked.address))?;
    asked.doors.knock(Door::Anywhere, "begin")?;
    if !is_challenge(&body.challenge) {
        return Err(Problem::invalid("`challenge` is a SHA-256 as base64url without padding"));
    }
    let device: String = shown(body.device.trim()).chars().take(100).collect();
    if device.is_empty() {
        return Err(Problem::invalid("`device` is what a person calls the machine"));
    }
    let redirect = body.redirect.as_deref().unwrap_or_default();
    let state = body.state.as_deref().unwrap_or_default();
    if body.redirect.is_some() && origin(redirect).is_none() {
        return Err(Problem::invalid(
            "`redirect` looks like `http://127.0.0.1:PORT/callback` or `http://[::1]:PORT/callback`",
        ));
    }
    if state.len() > 512 || !state.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Problem::invalid("`state` is up to 512 visible characters without spaces"));
    }
    let id = LoginId::new(hazmat::random());
    let user_code = body.redirect.is_none().then(new_user_code);
    let new = NewLogin {
        id,
        challenge: &body.challenge,
        redirect,
        state,
        user_code: user_code.as_deref(),
        number: i64::from(below(90)) + 10,
        device: &device,
        address: asked.address.to_canonical().to_string(),
    };
    let expires = LoginRow::begin(desk, &new)?;
    desk.entry.subject = id.to_string();
    desk.record(Outcome::Done);
    let path = match user_code {
        Some(_) => "/device".to_owned(),
        None => format!("/login/{id}"),
    };
    Ok(Json(LoginBegun {
        login: id.to_string(),
        url: asked.front.page(&path),
        number: new.number,
        interval: user_code.as_ref().map(|_| i64::from(INTERVAL)),
        user_code,
        expires,
    }))
}

pub(in crate::http) fn finish(
    desk: &mut Desk<'_>,
    asked: &Asked,
    body: &LoginFinish,
) -> Result<Json<TokenMade>, Problem> {
    let id: LoginId = asked.id("login")?;
    desk.entry.subject = id.to_string();
    let login = LoginRow::find(desk, id)?.ok_or_else(Problem::forbidden)?;
    let hash = hazmat::sha256(&[body.verifier.expose().as_bytes()]);
    let challenge = URL_SAFE_NO_PAD.encode(hash);
    if !hazmat::is_same(challenge.as_bytes(), login.challenge.as_bytes()) {
        return Err(Problem::forbidden());
    }
    let is_over = login.expires <= desk.now();
    match login.progress {
        Progress::Refused => return Err(Problem::new(Kind::Forbidden, "the login was refused")),
        Progress::Done => return Err(Problem::forbidden()),
        Progress::Waiting | Progress::Allowed if is_over => {
            return Err(Problem::new(Kind::Gone, "the login has run out of time"));
        }
        Progress::Waiting => {
            let pending = Problem::new(Kind::Pending, "nobody has decided on the login yet");
            return Err(Problem { retry_after: Some(INTERVAL), ..pending });
        }
        Progress::Allowed => {}
    }
    if !login.redirect.is_empty() {
        let code = body.code.as_ref().ok_or_else(Problem::forbidden)?;
        if !login.has_code(&hazmat::sha256(&[code.expose().as_bytes()])) {
            return Err(Problem::forbidden());
        }
    }
    let person = login.person.ok_or_else(Problem::forbidden)?;
    // Whoever shuts the person out is waited for, or ends this session too.
    let person = PersonRow::find(desk, &asked.deployment, person)?.filter(|row| row.is_active);
    let person = person.ok_or_else(Problem::forbidden)?.id;
    let team = PersonRow::team(desk, person)?.ok_or_else(Problem::forbidden)?;
    if !login.finish(desk)? {
        return Err(Problem::forbidden());
    }
    desk.entry.team = team.to_string();
    desk.entry.actor = person.to_string();
    desk.record(Outcome::Done);
    desk.entry.action = Action::SessionMake;
    let made = session::make(desk, person, team, &login.device)?;
    desk.record(Outcome::Done);
    Ok(Json(made))
}

fn is_challenge(text: &str) -> bool {
    text.len() == 43 && URL_SAFE_NO_PAD.decode(text).is_ok_and(|hash| hash.len() == 32)
}

/// The origin of an address on the machine that the browser runs on. `None` for every other one.
pub(super) fn origin(redirect: &str) -> Option<&str> {
    let hosts = ["http://127.0.0.1:", "http://[::1]:"];
    let (host, rest) = hosts.iter().find_map(|host| Some((host, redirect.strip_prefix(host)?)))?;
    let (port, path) = rest.split_once('/')?;
    let number: u16 = port.parse().ok()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_/".contains(&byte);
    let is_whole = number > 0 && number.to_string() == port;
    let fits = is_whole && path.len() <= 100 && path.bytes().all(is_plain);
    fits.then(|| redirect.get(..host.len() + port.len())).flatten()
}

/// A code that a person types. Eight of twenty letters are 34 bits, for ten minutes.
fn new_user_code() -> String {
    let letter = |_| LETTERS.get(below(20) as usize).copied().map_or('B', char::from);
    let code: String = (0..8).map(letter).collect();
    let (front, back) = code.split_at(4);
    format!("{front}-{back}")
}

/// What a person typed, as it was shown. `None` for what no device shows.
pub(super) fn read_user_code(text: &str) -> Option<String> {
    let letters: Vec<char> = text
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| c.to_ascii_uppercase())
        .take(9)
        .collect();
    let is_code = letters.len() == 8
        && letters.iter().all(|c| u8::try_from(*c).is_ok_and(|byte| LETTERS.contains(&byte)));
    is_code.then(|| {
        let (front, back) = letters.split_at(4);
        front.iter().chain(['-'].iter()).chain(back).collect()
    })
}

/// A random number below a small one, each as likely as the others.
fn below(limit: u8) -> u32 {
    let whole = u8::MAX - u8::MAX % limit;
    loop {
        let [byte] = hazmat::random();
        if byte < whole {
            return u32::from(byte % limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_sent_back_to_its_own_machine_alone() {
        assert_eq!(origin("http://127.0.0.1:4711/callback"), Some("http://127.0.0.1:4711"));
        assert_eq!(origin("http://[::1]:1/callback"), Some("http://[::1]:1"));
        for wrong in [
            "",
            "http://127.0.0.1/callback",
            "http://127.0.0.1:0/callback",
            "http://127.0.0.1:65536/callback",
            "http://127.0.0.1:080/callback",
            "http://127.0.0.1:+80/callback",
            "http://127.0.0.1:80",
            "http://127.0.0.1:80@evil.example/callback",
            "http://127.0.0.1.evil.example:80/callback",
            "http://localhost:80/callback",
            "https://127.0.0.1:80/callback",
            "http://127.0.0.1:80/callback?next=x",
            "http://127.0.0.1:80/callback#x",
            "http://127.0.0.1:80/a\r\nb",
            "http://127.0.0.2:80/callback",
            "http://[::2]:80/callback",
            "HTTP://127.0.0.1:80/callback",
            "javascript:alert(1)//http://127.0.0.1:80/",
        ] {
            assert_eq!(origin(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_code_is_read_however_a_person_types_it() {
        let code = new_user_code();
        assert_eq!(code.len(), 9);
        assert_eq!(read_user_code(&code).as_deref(), Some(&*code));
        assert_eq!(read_user_code(&code.to_lowercase().replace('-', " ")).as_deref(), Some(&*code));
        for wrong in ["", "BCDF", "BCDF-GHJA", "BCDF-GHJKL", "BCDF-GHJ\u{fc}", "BCDF-GHJK-L"] {
            assert_eq!(read_user_code(wrong), None, "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_an_address_here_or_none(text in ".{0,80}", port in 1_u16..) {
            let _ = (read_user_code(&text), is_challenge(&text));
            let own = format!("http://127.0.0.1:{port}");
            let whole = format!("{own}/");
            proptest::prop_assert_eq!(origin(&whole), Some(&*own));
            let host = text.replace(['/', '\\'], "");
            let is_here = host == "127.0.0.1" || host == "[::1]";
            let other = format!("http://{host}:{port}/");
            proptest::prop_assert_eq!(origin(&other).is_some(), is_here);
        }
    }
}
