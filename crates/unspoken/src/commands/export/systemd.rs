//! `unspoken export --format systemd`: a credential for a unit.

use unspoken_deliver::export::{
    Credential, CredentialError, CredentialKey, CredentialName, print_bundle,
};
use unspoken_model::shown;
use unspoken_seal::SecretSet;
use unspoken_wire::Origin;

use crate::context::Context;
use crate::failure::{Code, Failure};

/// What `--format systemd` alone has.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "With `--format systemd`")]
pub(super) struct SystemdFlags {
    /// The credential's name, as the unit has it [default: unspoken]
    #[arg(long, value_name = "NAME")]
    credential: Option<CredentialName>,

    /// Encrypt by `host`, `tpm2` or `host+tpm2` [default: what systemd-creds chooses]
    #[arg(long, value_name = "KEY")]
    with_key: Option<CredentialKey>,
}

impl SystemdFlags {
    /// A flag that was given.
    pub(super) fn given(&self) -> Option<&'static str> {
        let credential = self.credential.as_ref().map(|_| "--credential");
        credential.or_else(|| self.with_key.map(|_| "--with-key"))
    }

    pub(super) fn encrypt(
        self,
        cx: &Context,
        origin: Origin,
        set: SecretSet,
    ) -> Result<(), Failure> {
        let environment = origin.environment.clone();
        let credential =
            Credential { name: self.credential.unwrap_or_default(), key: self.with_key };
        let blob = credential
            .encrypt(print_bundle(origin, set))
            .map_err(|error| explain(&error, &credential, &environment))?;
        for line in blob.said {
            cx.ui.warn(&format!("{}: {line}", Credential::PROGRAM));
        }
        cx.ui.write_value(&blob.text)
    }
}

fn explain(error: &CredentialError, credential: &Credential, environment: &str) -> Failure {
    let (export, name) =
        (format!("unspoken export -e {} --format bundle", shown(environment)), &credential.name);
    let key = credential.key.map_or(String::new(), |key| format!(" --with-key={}", key.as_str()));
    let encrypt = format!("systemd-creds encrypt --name={name}{key} - -");
    let failure = Failure::because(Code::Other, error);
    match error {
        CredentialError::NotInstalled => failure.hint(format!(
            "On Debian run `apt-get install systemd`, or encrypt on the server: `{export} | ssh \
             HOST '{encrypt}' > {name}.cred`."
        )),
        CredentialError::Failed { .. } => failure.hint(format!(
            "The key of the machine is root's. Let root encrypt: `{export} | sudo {encrypt} > \
             {name}.cred`."
        )),
        CredentialError::NullKey => failure.hint(
            "Make a key once with `sudo systemd-creds setup`, then add `--with-key host` to the \
             same command.",
        ),
        CredentialError::TooLarge { .. } => failure.hint(format!(
            "Keep large values in an environment of their own, or start the program with \
             `unspoken run -e {} --fd -- CMD`.",
            shown(environment)
        )),
        CredentialError::Start { .. } | CredentialError::Talk { .. } | CredentialError::Odd => {
            failure
        }
    }
}
