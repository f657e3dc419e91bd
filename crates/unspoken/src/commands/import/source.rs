//! A file whose values are to be taken over, read as a whole.

use std::path::{Path, PathBuf};

use unspoken_model::{DocumentForm, EnvironmentName};
use unspoken_seal::foreign::{
    Entry, ForeignError, Format, Imported, Names, Note, doppler, dotenvx, infisical, json,
};
use unspoken_seal::{Document, Identity, Verified, dotenv};
use unspoken_store::{StoreError, read_limited};
use zeroize::Zeroizing;

use super::{Kind, Reading, called};
use crate::failure::{Code, Failure, quoted};
use crate::input::read_stdin;

/// A file that has been read as a whole.
pub(crate) struct Source {
    /// `None` for standard input.
    pub(super) path: Option<PathBuf>,
    /// What was read, to tell whether the file is still that when it goes.
    pub(super) bytes: Zeroizing<Vec<u8>>,
    pub(super) imported: Imported,
    /// Whether the values stand in it in plaintext.
    pub(super) is_plain: bool,
}

/// How large a file is read.
pub(super) const LIMIT: usize = 32 * 1024 * 1024;

impl Source {
    /// Reads a plaintext file, for `init`, which has no keys yet.
    pub(crate) fn read_plain(path: &Path) -> Result<Self, Failure> {
        let (path, bytes) = read_bytes(path)?;
        let shown = called(path.as_deref());
        let format = Format::detect(name(path.as_deref()), &bytes);
        let Some(imported) = plain(format, &shown, &bytes, &Names::default()) else {
            let message = format!("{shown} is encrypted, and needs a project to go to");
            return Err(Failure::new(Code::Usage, message)
                .hint("Once `unspoken init` has made one, run `unspoken import` with the file."));
        };
        Ok(Self { path, imported: imported?, bytes, is_plain: true })
    }
}

impl Reading<'_> {
    /// Reads a file, or says everything that is wrong with it.
    pub(super) fn read(
        &self,
        path: &Path,
        environment: &EnvironmentName,
    ) -> Result<Source, Failure> {
        let (path, bytes) = read_bytes(path)?;
        let shown = called(path.as_deref());
        let format = self.format(path.as_deref(), &bytes);
        self.fits(kind(format))?;
        if let Some(imported) = plain(format, &shown, &bytes, &self.names) {
            return Ok(Source { path, imported: imported?, bytes, is_plain: true });
        }
        let imported = match format {
            Format::Tako => self.tako(&shown, &bytes, environment)?,
            Format::Dotenvx => {
                let keys = self.dotenvx_keys(path.as_deref())?;
                dotenvx::parse(&bytes, &keys, &self.names).map_err(|e| wrong(&shown, &e))?
            }
            Format::Sops(Some(form)) => self.sops(&shown, &bytes, form, environment, &[])?,
            _ => {
                let message = format!("{shown}: this store of sops is not read");
                return Err(Failure::new(Code::Usage, message).hint(
                    "JSON, YAML and dotenv are: pipe what `sops decrypt --output-type json` prints into \
                     `unspoken import - --format json`.",
                ));
            }
        };
        Ok(Source { path, imported, bytes, is_plain: false })
    }

    fn format(&self, path: Option<&Path>, bytes: &[u8]) -> Format {
        match self.args.format {
            None => Format::detect(name(path), bytes),
            Some(Kind::Dotenv) => Format::Dotenv,
            Some(Kind::Json) => Format::Json,
            Some(Kind::Tako) => Format::Tako,
            Some(Kind::Sops | Kind::Envless) => Format::Sops(Format::sops_form(name(path), bytes)),
            Some(Kind::Dotenvx) => Format::Dotenvx,
            Some(Kind::Doppler) => Format::Doppler,
            Some(Kind::Infisical) => Format::Infisical,
        }
    }

    /// Opens a document of sops with this machine's keys, and `own` before them.
    pub(super) fn sops(
        &self,
        shown: &str,
        bytes: &[u8],
        form: DocumentForm,
        environment: &EnvironmentName,
        own: &[Identity],
    ) -> Result<Imported, Failure> {
        let unusable = |error: &dyn std::fmt::Display| {
            Failure::new(Code::Integrity, format!("`{shown}` must not be used: {error}"))
                .hint("Nothing was imported. `sops decrypt` says what it makes of the file.")
        };
        let document = Document::parse(form, bytes)
            .map_err(|error| Failure::new(Code::Other, format!("{shown}: {error}")))?;
        if let Some(block) = document.block() {
            let message = format!("{shown} is a document of unspoken itself, of `{}`", block.place);
            return Err(Failure::new(Code::Refused, message).hint(
                "In its project: `unspoken export --format json`; pipe that into `unspoken import - \
                 --format json` here.",
            ));
        }
        let place = self.workspace.project.place(environment);
        let verified = document.verify(&place, None).map_err(|error| unusable(&error))?;
        let store = self.cx.store(self.workspace);
        let found = {
            let mut unlock = verified.unlock();
            own.iter().find_map(|identity| unlock.offer(identity))
        };
        let key = match found {
            Some(key) => key,
            None => match store.unlock(environment, &verified) {
                Ok((key, _)) => key,
                Err(StoreError::NoKey(_)) => return Err(no_key(shown, &verified)),
                Err(error) => return Err(error.into()),
            },
        };
        let opened = verified.open(&key).map_err(|error| unusable(&error))?;
        opened.take_over(&self.names).map_err(|errors| wrong(shown, &errors))
    }
}

fn no_key(shown: &str, verified: &Verified<'_>) -> Failure {
    let mut message = format!("no key on this machine opens `{shown}`");
    for recipient in verified.document().recipients() {
        message.push_str("\n  it is for: ");
        message.push_str(&unspoken_model::shown(recipient));
    }
    Failure::new(Code::NoKey, message).hint(
        "Nothing was imported. Name the file of your age key: `SOPS_AGE_KEY_FILE=keys.txt unspoken \
         import …`. `unspoken doctor` says where keys are looked for.",
    )
}

/// Reads a file of values in plaintext. `None` when it is not of such a kind.
fn plain(
    format: Format,
    shown: &str,
    bytes: &[u8],
    names: &Names,
) -> Option<Result<Imported, Failure>> {
    let read = match format {
        Format::Dotenv => dotenv(bytes, names),
        Format::Json => json::parse(bytes, names),
        Format::Doppler => doppler::parse(bytes, names),
        Format::Infisical => infisical::parse(bytes, names),
        Format::Tako | Format::Sops(_) | Format::Dotenvx => return None,
    };
    Some(read.map_err(|errors| wrong(shown, &errors)))
}

fn dotenv(bytes: &[u8], names: &Names) -> Result<Imported, Vec<ForeignError>> {
    let parsed = dotenv::parse_named(bytes, names)
        .map_err(|errors| errors.into_iter().map(ForeignError::Line).collect::<Vec<_>>())?;
    let entries = parsed.entries.into_iter().map(|entry| Entry {
        name: entry.name,
        secret: entry.secret,
        line: Some(entry.line),
        expiry: None,
    });
    let notes = parsed.warnings.into_iter().map(Note::Line).collect();
    Ok(Imported { entries: entries.collect(), notes, has_more: false })
}

/// Says all that is wrong with a file.
pub(super) fn wrong(shown: &str, errors: &[ForeignError]) -> Failure {
    let count = errors.len();
    let things = if count == 1 { "1 thing is" } else { &format!("{count} things are") };
    let mut message = format!("{shown}: {things} wrong, nothing was imported");
    for error in errors.iter().take(50) {
        message.push_str("\n  ");
        message.push_str(&error.to_string());
    }
    if count > 50 {
        message.push_str("\n  …");
    }
    if errors.iter().any(|error| matches!(error, ForeignError::Shut { .. })) {
        return Failure::new(Code::Integrity, message)
            .hint("Give the key that it was encrypted for. `git log -p` shows what was changed.");
    }
    let named = |error: &ForeignError| match error {
        ForeignError::Name { .. } => true,
        ForeignError::Line(error) => matches!(error.problem, dotenv::LineProblem::Name(_)),
        _ => false,
    };
    Failure::new(Code::Other, message).hint(if errors.iter().all(named) {
        "Give other names: `--rename OLD=NEW`, or `--uppercase` for all of them."
    } else {
        "Mend these lines and run it again."
    })
}

fn kind(format: Format) -> Kind {
    match format {
        Format::Dotenv => Kind::Dotenv,
        Format::Json => Kind::Json,
        Format::Tako => Kind::Tako,
        Format::Sops(_) => Kind::Sops,
        Format::Dotenvx => Kind::Dotenvx,
        Format::Doppler => Kind::Doppler,
        Format::Infisical => Kind::Infisical,
    }
}

/// The last part of a path, as far as it is text.
fn name(path: Option<&Path>) -> &str {
    path.and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or_default()
}

fn read_bytes(path: &Path) -> Result<(Option<PathBuf>, Zeroizing<Vec<u8>>), Failure> {
    if path == Path::new("-") {
        return Ok((None, piped()?));
    }
    if path.is_dir() {
        let message = format!("`{}` is a folder", path.display());
        return Err(Failure::new(Code::Usage, message).hint(format!(
            "Name a file in it. Of an envless repository, `secrets/*.env.enc` are read: `ls {}`.",
            quoted(&path.join("secrets"))
        )));
    }
    Ok((Some(path.to_owned()), Zeroizing::new(read_limited(path, LIMIT as u64)?)))
}

fn piped() -> Result<Zeroizing<Vec<u8>>, Failure> {
    let bytes = read_stdin(LIMIT + 1)?;
    if bytes.len() > LIMIT {
        return Err(Failure::new(
            Code::Other,
            format!("standard input holds more than {LIMIT} bytes"),
        ));
    }
    Ok(bytes)
}
