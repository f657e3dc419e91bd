//! The address on this machine to which the browser brings the end of a sign-in.
//!
//! Rules:
//! - One request after the other, each within a short time and a small size: any page in the
//!   browser can send one.
//! - What is answered is always the same few words. Nothing of a request is shown or repeated.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use unspoken_seal::SignInState;
use unspoken_wire::{Brought, Callback, CallbackError};
use zeroize::Zeroizing;

use crate::failure::{Code, Failure};

/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(2);

/// A listening socket, for this machine alone.
#[derive(Debug)]
pub(super) struct Loopback {
    listener: TcpListener,
    address: SocketAddr,
}

impl Loopback {
    pub(super) fn open() -> Result<Self, Failure> {
        let open = || {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok(Self { listener, address })
        };
        open().map_err(|error: std::io::Error| {
            let message = format!("cannot listen for the browser's answer: {error}");
            Failure::new(Code::Other, message)
                .hint("Run `unspoken login --device`, which needs no port.")
        })
    }

    /// Where the browser is to go.
    pub(super) fn redirect(&self) -> String {
        format!("http://{}{}", self.address, Callback::PATH)
    }

    /// Waits for the request that has the state; `None` when the time is over.
    pub(super) fn wait(
        &self,
        until: Instant,
        state: &SignInState,
    ) -> Result<Option<Brought>, Failure> {
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            let wait = Timespec::try_from(left).ok();
            let mut sockets = [PollFd::new(&self.listener, PollFlags::IN)];
            match poll(&mut sockets, wait.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => {
                    let message = format!("cannot wait for the browser's answer: {error}");
                    return Err(Failure::new(Code::Other, message));
                }
            }
            // Whoever has gone again, or broke off, is nobody to wait for.
            let Ok((stream, _)) = self.listener.accept() else { continue };
            if let Ok(brought) = self.attend(stream, state) {
                return Ok(Some(brought));
            }
        }
        Ok(None)
    }

    /// Reads one request, and answers it.
    fn attend(&self, mut stream: TcpStream, state: &SignInState) -> Result<Brought, CallbackError> {
        let until = Instant::now() + REQUEST;
        let head = read_head(&mut stream, until).ok_or(CallbackError::Form)?;
        let asked = Callback::parse(&head, &self.address.to_string());
        let brought = asked.and_then(|asked| asked.open(|found| state.fits(found)));
        let (status, words) = match &brought {
            Ok(Brought::Code(_)) => {
                ("200 OK", "You have allowed it. Close this window, and go back to the terminal.")
            }
            Ok(Brought::Refused) => ("200 OK", "Nothing was allowed. You can close this window."),
            Err(CallbackError::OtherPage) => ("404 Not Found", "There is nothing here."),
            Err(_) => ("400 Bad Request", "This page does not belong to a login."),
        };
        // Whoever does not listen does not read it.
        let _ = stream.write_all(page(status, words).as_bytes()).and_then(|()| stream.flush());
        brought
    }
}

/// Everything before the empty line, within the time and a size.
fn read_head(stream: &mut TcpStream, until: Instant) -> Option<Zeroizing<Vec<u8>>> {
    stream.set_nonblocking(false).ok()?;
    stream.set_write_timeout(Some(REQUEST)).ok()?;
    // Room for all of it, so that it never moves and leaves a copy.
    let mut bytes = Zeroizing::new(vec![0; Callback::MAX_BYTES]);
    let mut length = 0;
    loop {
        let left = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        stream.set_read_timeout(Some(left)).ok()?;
        match stream.read(bytes.get_mut(length..)?) {
            Ok(0) => return None,
            Ok(count) => length += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
        let end = bytes.get(..length)?.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            bytes.truncate(end);
            return Some(bytes);
        }
    }
}

/// A page that does nothing and loads nothing.
fn page(status: &str, words: &str) -> String {
    let body = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\">\
         <title>Unspoken</title><p>{words}</p></html>\n"
    );
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {length}\r\n\
         Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\nCache-Control: no-store\r\n\
         Referrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n{body}"
    )
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn it_waits_for_the_right_state_whatever_else_comes() {
        let loopback = Loopback::open().unwrap();
        let state = SignInState::random();
        let (address, text) = (loopback.address, state.expose().to_owned());
        assert_eq!(loopback.redirect(), format!("http://{address}/callback"));
        let browser = thread::spawn(move || {
            let get = |target: &str| {
                ask(address, &format!("GET {target} HTTP/1.1\r\nHost: {address}\r\n\r\n"))
            };
            // Opened ahead by a browser, and never used.
            let idle = TcpStream::connect(address).unwrap();
            assert!(get("/favicon.ico").starts_with("HTTP/1.1 404 "));
            let wrong = get("/callback?code=planted&state=guessed");
            assert!(wrong.starts_with("HTTP/1.1 400 ") && !wrong.contains("planted"), "{wrong}");
            let long = format!("GET / HTTP/1.1\r\nA: {}", "a".repeat(2 * Callback::MAX_BYTES));
            let mut stream = TcpStream::connect(address).unwrap();
            let _ = stream.write_all(long.as_bytes());
            let evil = format!("GET /callback?code=a&state={text} HTTP/1.1\r\nHost: evil\r\n\r\n");
            assert!(ask(address, &evil).starts_with("HTTP/1.1 400 "));
            let right = get(&format!("/callback?code=real&state={text}"));
            assert!(right.starts_with("HTTP/1.1 200 ") && !right.contains("real"), "{right}");
            drop(idle);
        });
        let brought = loopback.wait(Instant::now() + Duration::from_secs(30), &state).unwrap();
        browser.join().unwrap();
        assert!(brought == Some(Brought::Code(Zeroizing::new("real".to_owned()))));
    }

    #[test]
    fn nobody_is_waited_for_after_the_time_is_over() {
        let loopback = Loopback::open().unwrap();
        let until = Instant::now() + Duration::from_millis(50);
        assert_eq!(loopback.wait(until, &SignInState::random()).unwrap(), None);
    }
}
