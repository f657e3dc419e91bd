-- Names of types are PostgreSQL's. Times are milliseconds since 1970.

-- What belongs to the store as a whole: its id, what proves a master key, sealed seeds.
CREATE TABLE store (
  name TEXT NOT NULL PRIMARY KEY,
  value BYTEA NOT NULL
);

CREATE TABLE team (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  made BIGINT NOT NULL
);

CREATE TABLE person (
  id TEXT NOT NULL PRIMARY KEY,
  email TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  -- invited, active, suspended
  state TEXT NOT NULL,
  -- argon2id
  password TEXT,
  -- sealed
  totp BYTEA,
  totp_used BIGINT,
  made BIGINT NOT NULL
);

CREATE TABLE passkey (
  -- The credential's id, base64url.
  id TEXT NOT NULL PRIMARY KEY,
  person TEXT NOT NULL REFERENCES person (id),
  name TEXT NOT NULL,
  -- COSE's.
  key BYTEA NOT NULL,
  counter BIGINT NOT NULL,
  -- 0 stays where it is, 1 may be copied, 2 was copied
  backup BIGINT NOT NULL,
  made BIGINT NOT NULL,
  used BIGINT
);

CREATE INDEX passkey_person ON passkey (person);

-- What a person is, and where. An empty project is the whole team, an empty environment the
-- whole project.
CREATE TABLE membership (
  person TEXT NOT NULL REFERENCES person (id),
  team TEXT NOT NULL REFERENCES team (id),
  project TEXT NOT NULL,
  environment TEXT NOT NULL,
  role TEXT NOT NULL,
  PRIMARY KEY (person, team, project, environment)
);

CREATE INDEX membership_team ON membership (team);

CREATE TABLE project (
  id TEXT NOT NULL PRIMARY KEY,
  team TEXT NOT NULL REFERENCES team (id),
  name TEXT NOT NULL,
  -- Where its repository is, one to a line, in one spelling.
  remotes TEXT NOT NULL,
  -- The version of its key that new values get.
  key_version BIGINT NOT NULL,
  made BIGINT NOT NULL,
  UNIQUE (team, name)
);

CREATE TABLE project_key (
  project TEXT NOT NULL REFERENCES project (id),
  version BIGINT NOT NULL,
  -- By which version of the master key it is wrapped.
  kek BIGINT NOT NULL,
  wrapped BYTEA NOT NULL,
  PRIMARY KEY (project, version)
);

CREATE TABLE environment (
  id TEXT NOT NULL PRIMARY KEY,
  team TEXT NOT NULL,
  project TEXT NOT NULL REFERENCES project (id),
  name TEXT NOT NULL,
  -- One more for each change.
  revision BIGINT NOT NULL,
  -- For how many seconds a client may use a sealed copy while no node answers.
  offline BIGINT NOT NULL DEFAULT 86400,
  made BIGINT NOT NULL,
  UNIQUE (project, name)
);

-- The names that an environment has now.
CREATE TABLE secret (
  environment TEXT NOT NULL REFERENCES environment (id),
  name TEXT NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (environment, name)
);

-- All values there ever were. A row is never changed but to wrap its key anew.
CREATE TABLE secret_version (
  environment TEXT NOT NULL REFERENCES environment (id),
  name TEXT NOT NULL,
  version BIGINT NOT NULL,
  -- The environment's revision that began with it.
  revision BIGINT NOT NULL,
  key_version BIGINT NOT NULL,
  -- Both are empty where the version is a removal.
  wrapped BYTEA,
  sealed BYTEA,
  expiry TEXT,
  author TEXT NOT NULL,
  made BIGINT NOT NULL,
  PRIMARY KEY (environment, name, version)
);

CREATE INDEX secret_version_revision ON secret_version (environment, revision);

CREATE TABLE token (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  hash BYTEA NOT NULL,
  team TEXT NOT NULL REFERENCES team (id),
  -- Whose session it is.
  person TEXT REFERENCES person (id),
  name TEXT NOT NULL,
  author TEXT NOT NULL,
  made BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  -- For how long it may not be used.
  idle BIGINT,
  -- Networks, separated by spaces.
  addresses TEXT,
  -- Names, separated by spaces.
  names TEXT,
  revoked BIGINT,
  -- One more for each change of what its holder may do.
  touched BIGINT NOT NULL
);

CREATE INDEX token_person ON token (person);
CREATE INDEX token_team ON token (team);

CREATE TABLE token_environment (
  token TEXT NOT NULL REFERENCES token (id),
  environment TEXT NOT NULL REFERENCES environment (id),
  PRIMARY KEY (token, environment)
);

-- What changes when a token is used, apart from what it may do.
CREATE TABLE token_use (
  token TEXT NOT NULL PRIMARY KEY REFERENCES token (id),
  used BIGINT,
  -- How often it may still be used.
  remaining BIGINT
);

CREATE TABLE login (
  id TEXT NOT NULL PRIMARY KEY,
  -- What the program keeps: its answer's hash, S256.
  challenge TEXT NOT NULL,
  -- Where the browser goes back to; empty for a device.
  redirect TEXT NOT NULL,
  state TEXT NOT NULL,
  -- What a person types, and the number that both sides show.
  user_code TEXT UNIQUE,
  number BIGINT NOT NULL,
  device TEXT NOT NULL,
  address TEXT NOT NULL,
  person TEXT REFERENCES person (id),
  -- 1 where that person has shown for this login that it is them.
  proven BIGINT NOT NULL,
  -- waiting, allowed, refused, done
  progress TEXT NOT NULL,
  -- The hash of what the browser holds in which that person signed in.
  browser BYTEA,
  -- The hash of the code that the browser brings back.
  code BYTEA,
  expires BIGINT NOT NULL,
  -- What the next challenge of a passkey is made of.
  salt BYTEA NOT NULL
);

CREATE INDEX login_expires ON login (expires);

-- Who a person is at a provider.
CREATE TABLE identity (
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  person TEXT NOT NULL REFERENCES person (id),
  made BIGINT NOT NULL,
  used BIGINT,
  PRIMARY KEY (issuer, subject)
);

CREATE INDEX identity_person ON identity (person);

-- A browser that was sent to a provider, and is not back yet: one for each login.
CREATE TABLE visit (
  login TEXT NOT NULL PRIMARY KEY REFERENCES login (id),
  -- The hash of what comes back with it.
  state BYTEA NOT NULL UNIQUE,
  provider TEXT NOT NULL,
  -- The hash of what the browser holds.
  browser BYTEA NOT NULL,
  begun BIGINT NOT NULL,
  -- sign_in, link, prove, accept
  purpose TEXT NOT NULL,
  -- Whose the account is, or is to be: a person's who has signed in, or whose invitation this is.
  person TEXT,
  invitation TEXT
);

-- By which proofs of others a machine gets a token.
CREATE TABLE trust (
  id TEXT NOT NULL PRIMARY KEY,
  team TEXT NOT NULL REFERENCES team (id),
  name TEXT NOT NULL,
  issuer TEXT NOT NULL,
  audience TEXT NOT NULL,
  -- Claims and their exact values, JSON.
  claims TEXT NOT NULL,
  environments TEXT NOT NULL,
  names TEXT,
  lifetime BIGINT NOT NULL,
  author TEXT NOT NULL,
  made BIGINT NOT NULL,
  UNIQUE (team, name)
);

CREATE TABLE audit (
  node TEXT NOT NULL,
  seq BIGINT NOT NULL,
  at BIGINT NOT NULL,
  team TEXT NOT NULL,
  -- A person's id, a token's, or nothing where nobody was known.
  actor TEXT NOT NULL,
  token TEXT NOT NULL,
  address TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  names TEXT NOT NULL,
  revision BIGINT NOT NULL,
  outcome TEXT NOT NULL,
  request TEXT NOT NULL,
  hash BYTEA NOT NULL,
  PRIMARY KEY (node, seq)
);

CREATE INDEX audit_team ON audit (team, at);

-- How far chains were signed. Only for who signs: nobody who checks the record reads it.
CREATE TABLE audit_chain (
  node TEXT NOT NULL PRIMARY KEY,
  -- The last row that a head covers.
  seq BIGINT NOT NULL,
  -- 0 while its node may write, 1 when it was signed by another one, 2 when it has ended.
  state BIGINT NOT NULL
);

CREATE INDEX audit_chain_state ON audit_chain (state);

CREATE TABLE audit_head (
  number BIGINT NOT NULL PRIMARY KEY,
  at BIGINT NOT NULL,
  -- How far each chain had come that had grown since the head before, JSON.
  ends TEXT NOT NULL,
  hash BYTEA NOT NULL,
  signature BYTEA NOT NULL
);
