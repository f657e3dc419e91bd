//! A route: what is asked, what its caller needs, what is done.
//!
//! Each way to make one says what a caller needs; there is no way that does not. What it needs is
//! settled before a handler runs, in the same transaction.

use std::fmt;

use bytes::Bytes;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use unspoken_model::{Action, Verb};
use unspoken_seal::TokenAuth;
use unspoken_wire::vault::Nothing;

use super::answer::{Answer, Reply};
use super::asked::Asked;
use super::page::Page;
use super::visitor::{Proven, Visitor};
use crate::access::{Caller, Holder, Permit};
use crate::db::Desk;
use crate::problem::Problem;

/// What is said of a route beside its handler.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) action: Action,
    pub(crate) summary: &'static str,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// What a caller needs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Needs {
    /// Nothing: whoever asks has no token yet.
    Nothing,
    /// That the form was sent by our page, in the browser that was shown it.
    Form,
    /// The same, and that a person has signed in there for the login of the path.
    SignedIn,
    /// The same, and that they have shown for it that it is them.
    Proven,
    /// An invitation.
    Invitation,
    /// A token that is good; what is answered depends on whose it is.
    Token,
    /// The right to do this in the team of the path.
    Team(Verb),
    Project(Verb),
    Environment(Verb),
    /// The right to do this to the token of the path.
    OfToken(Verb),
}

/// What a request brings.
pub(crate) struct Brought {
    pub(super) asked: Asked,
    pub(super) auth: Option<TokenAuth>,
    /// Or why there is none that is to be read. Who may not ask is not told.
    pub(super) body: Result<Bytes, Problem>,
}

/// What is done in the transaction. May be done again when that fails.
pub(super) type Prepared = Box<dyn FnMut(&mut Desk<'_>) -> Result<Answer, Problem> + Send>;

type Prepare = Box<dyn Fn(Brought) -> Result<Prepared, Problem> + Send + Sync>;
type Describe = fn(&mut SchemaGenerator) -> Option<Schema>;

/// See the top.
pub(crate) struct Route {
    pub(crate) plan: Plan,
    pub(crate) needs: Needs,
    pub(crate) body: Option<Describe>,
    pub(crate) answer: Describe,
    /// Whether it hands out values.
    pub(crate) hands_out: bool,
    /// What can be asked behind the question mark, and of which kind it is.
    pub(crate) queries: &'static [(&'static str, &'static str)],
    /// Whether people see what it answers.
    pub(crate) is_page: bool,
    pub(super) prepare: Prepare,
}

/// What a body can be read as.
pub(crate) trait Body: DeserializeOwned + JsonSchema + Send + Sync + 'static {}
impl<B: DeserializeOwned + JsonSchema + Send + Sync + 'static> Body for B {}

/// A body that a page's form sends.
pub(crate) trait Form {
    /// What only our page could tell the browser.
    fn seal(&self) -> &str;
}

impl Route {
    /// For who has no token yet.
    pub(crate) fn open<B: Body, A: Reply>(
        plan: Plan,
        handler: fn(&mut Desk<'_>, &Asked, &B) -> Result<A, Problem>,
    ) -> Self {
        Self::new::<B, A>(plan, Needs::Nothing, move |desk, brought, body| {
            handler(desk, &brought.asked, body)
        })
    }

    /// A page that anybody may open.
    pub(crate) fn page(
        plan: Plan,
        handler: fn(&mut Desk<'_>, &Asked, &Nothing) -> Result<Page, Problem>,
    ) -> Self {
        let route = Self::new::<Nothing, Page>(plan, Needs::Nothing, move |desk, brought, body| {
            handler(desk, &brought.asked, body)
        });
        Self { is_page: true, ..route }
    }

    /// A form that a page shows to anybody. That it comes from there is settled here.
    pub(crate) fn form<B: Body + Form>(
        plan: Plan,
        handler: fn(&mut Desk<'_>, &Asked, &B) -> Result<Page, Problem>,
    ) -> Self {
        let route =
            Self::read_by::<B, Page>(plan, Needs::Form, read_form, move |desk, brought, sent| {
                fits_browser(&brought.asked, sent.seal())?;
                handler(desk, &brought.asked, sent)
            });
        Self { is_page: true, ..route }
    }

    /// A page for who has signed in.
    pub(crate) fn page_within(
        plan: Plan,
        handler: fn(&mut Desk<'_>, &Visitor, &Asked, &Nothing) -> Result<Page, Problem>,
    ) -> Self {
        let route =
            Self::new::<Nothing, Page>(plan, Needs::SignedIn, move |desk, brought, body| {
                let visitor = Visitor::find(desk, &brought.asked)?;
                handler(desk, &visitor, &brought.asked, body)
            });
        Self { is_page: true, ..route }
    }

    /// A form for who has signed in.
    pub(crate) fn form_within<B: Body + Form>(
        plan: Plan,
        handler: fn(&mut Desk<'_>, &Visitor, &Asked, &B) -> Result<Page, Problem>,
    ) -> Self {
        let route = Self::read_by::<B, Page>(
            plan,
            Needs::SignedIn,
            read_form,
            move |desk, brought, sent| {
                fits_browser(&brought.asked, sent.seal())?;
                let visitor = Visitor::find(desk, &brought.asked)?;
                handler(desk, &visitor, &brought.asked, sent)
            },
        );
        Self { is_page: true, ..route }
    }

    /// A form for who changes how they sign in.
    pub(crate) fn form_proven<B: Body + Form>(
        plan: Plan,
        handler: fn(&mut Desk<'_>, &Proven, &Asked, &B) -> Result<Page, Problem>,
    ) -> Self {
        let route =
            Self::read_by::<B, Page>(plan, Needs::Proven, read_form, move |desk, brought, sent| {
                fits_browser(&brought.asked, sent.seal())?;
                let proven = Proven::find(desk, &brought.asked)?;
                handler(desk, &proven, &brought.asked, sent)
            });
        Self { is_page: true, ..route }
    }

    /// For who was invited.
    pub(crate) fn invited<B: Body, A: Reply>(
        plan: Plan,
        handler: fn(&mut Desk<'_>, &Caller, &Asked, &B) -> Result<A, Problem>,
    ) -> Self {
        let judge = |desk: &mut Desk<'_>, brought: &Brought| {
            let caller = find(desk, brought)?;
            if !matches!(caller.holder, Holder::Invited(_)) {
                return Err(Problem::forbidden());
            }
            Ok(caller)
        };
        Self::judged(plan, Needs::Invitation, judge, handler)
    }

    /// For whoever has a token. Invitations are none.
    pub(crate) fn token<B: Body, A: Reply>(
        plan: Plan,
        handler: fn(&mut Desk<'_>, &Caller, &Asked, &B) -> Result<A, Problem>,
    ) -> Self {
        Self::token_of(plan, |_| true, handler)
    }

    /// For whoever has a token and is somebody in particular.
    pub(crate) fn token_of<B: Body, A: Reply>(
        plan: Plan,
        is_one: fn(&Caller) -> bool,
        handler: fn(&mut Desk<'_>, &Caller, &Asked, &B) -> Result<A, Problem>,
    ) -> Self {
        let judge = move |desk: &mut Desk<'_>, brought: &Brought| {
            let caller = find(desk, brought)?;
            if matches!(caller.holder, Holder::Invited(_)) || !is_one(&caller) {
                return Err(Problem::forbidden());
            }
            Ok(caller)
        };
        Self::judged(plan, Needs::Token, judge, handler)
    }

    /// For whoever has a token that lets them do something at a place that is found first.
    pub(crate) fn token_to<B: Body, A: Reply>(
        plan: Plan,
        find_place: fn(&mut Desk<'_>, Caller, &Asked) -> Result<Permit, Problem>,
        handler: fn(&mut Desk<'_>, &Permit, &Asked, &B) -> Result<A, Problem>,
    ) -> Self {
        let judge = move |desk: &mut Desk<'_>, brought: &Brought| {
            let caller = find(desk, brought)?;
            if matches!(caller.holder, Holder::Invited(_)) {
                return Err(Problem::forbidden());
            }
            find_place(desk, caller, &brought.asked)
        };
        Self::judged(plan, Needs::Token, judge, handler)
    }

    /// For who may do something at the place that the path names.
    pub(crate) fn at<B: Body, A: Reply>(
        plan: Plan,
        needs: Needs,
        handler: fn(&mut Desk<'_>, &Permit, &Asked, &B) -> Result<A, Problem>,
    ) -> Self {
        let judge = move |desk: &mut Desk<'_>, brought: &Brought| {
            let caller = find(desk, brought)?;
            let asked = &brought.asked;
            match needs {
                Needs::Team(verb) => Permit::team(desk, caller, verb, asked.id("team")?),
                Needs::Project(verb) => Permit::project(desk, caller, verb, asked.id("project")?),
                Needs::Environment(verb) => {
                    Permit::environment(desk, caller, verb, asked.id("environment")?)
                }
                Needs::OfToken(verb) => Permit::token(desk, caller, verb, asked.id("token")?),
                Needs::Nothing
                | Needs::Form
                | Needs::SignedIn
                | Needs::Proven
                | Needs::Invitation
                | Needs::Token => Err(Problem::forbidden()),
            }
        };
        Self::judged(plan, needs, judge, handler)
    }

    /// Says what can be asked behind the question mark. The handler reads it.
    pub(crate) fn asking(self, queries: &'static [(&'static str, &'static str)]) -> Self {
        Self { queries, ..self }
    }

    fn new<B: Body, A: Reply>(
        plan: Plan,
        needs: Needs,
        run: impl Fn(&mut Desk<'_>, &Brought, &B) -> Result<A, Problem> + Copy + Send + Sync + 'static,
    ) -> Self {
        Self::read_by(plan, needs, read, run)
    }

    /// For who shows no token: what was sent is read before the store is asked.
    fn read_by<B: Body, A: Reply>(
        plan: Plan,
        needs: Needs,
        read: fn(Method, &[u8]) -> Result<B, Problem>,
        run: impl Fn(&mut Desk<'_>, &Brought, &B) -> Result<A, Problem> + Copy + Send + Sync + 'static,
    ) -> Self {
        let prepare = move |brought: Brought| -> Result<Prepared, Problem> {
            brought.asked.readable()?;
            let body: B = read(plan.method, brought.body.as_ref().map_err(Clone::clone)?)?;
            Ok(Box::new(move |desk: &mut Desk<'_>| run(desk, &brought, &body)?.answer()))
        };
        Self::prepared::<B, A>(plan, needs, Box::new(prepare))
    }

    /// For who shows a token: whether they may is settled before anything is said of what they
    /// sent, so that it makes no difference to who may not.
    fn judged<B: Body, A: Reply, G: 'static>(
        plan: Plan,
        needs: Needs,
        judge: impl Fn(&mut Desk<'_>, &Brought) -> Result<G, Problem> + Copy + Send + Sync + 'static,
        handler: fn(&mut Desk<'_>, &G, &Asked, &B) -> Result<A, Problem>,
    ) -> Self {
        let prepare = move |brought: Brought| -> Result<Prepared, Problem> {
            let body: Result<B, Problem> = match &brought.body {
                Ok(bytes) => brought.asked.readable().and_then(|()| read(plan.method, bytes)),
                Err(problem) => Err(problem.clone()),
            };
            Ok(Box::new(move |desk: &mut Desk<'_>| {
                let grant = judge(desk, &brought)?;
                let body = body.as_ref().map_err(Clone::clone)?;
                handler(desk, &grant, &brought.asked, body)?.answer()
            }))
        };
        Self::prepared::<B, A>(plan, needs, Box::new(prepare))
    }

    fn prepared<B: Body, A: Reply>(plan: Plan, needs: Needs, prepare: Prepare) -> Self {
        let body: Describe = |generator| Some(generator.subschema_for::<B>());
        let body = plan.method.has_body().then_some(body);
        Self {
            plan,
            needs,
            body,
            answer: A::schema,
            hands_out: A::HANDS_OUT,
            queries: &[],
            is_page: false,
            prepare,
        }
    }
}

impl Method {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }
}

fn find(desk: &mut Desk<'_>, brought: &Brought) -> Result<Caller, Problem> {
    Caller::find(desk, brought.auth.as_ref(), brought.asked.address)
}

/// Refuses a form that our page did not send, or that another browser was shown.
fn fits_browser(asked: &Asked, seal: &str) -> Result<(), Problem> {
    let about = asked.text("login").unwrap_or_default();
    let fits = asked.browser.as_ref().is_some_and(|browser| browser.sent(about, seal));
    if fits && !asked.is_foreign { Ok(()) } else { Err(Problem::forbidden()) }
}

/// Reads a form. What stood in it is not repeated.
fn read_form<B: Body>(_: Method, bytes: &[u8]) -> Result<B, Problem> {
    serde_urlencoded::from_bytes(bytes).map_err(|_| Problem::invalid("the form cannot be read"))
}

/// Reads a body. What stood in it is not repeated.
fn read<B: Body>(method: Method, bytes: &[u8]) -> Result<B, Problem> {
    if !method.has_body() && !bytes.is_empty() {
        return Err(Problem::invalid("this request takes no body"));
    }
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let what =
            if error.is_data() { "is not of the shape that is documented" } else { "is not JSON" };
        Problem::invalid(format!("the body {what} (line {line}, column {column})"))
    })
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route")
            .field("plan", &self.plan)
            .field("needs", &self.needs)
            .finish_non_exhaustive()
    }
}
