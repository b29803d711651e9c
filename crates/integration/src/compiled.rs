//! A checked definition, ready to plan calls with.

use std::collections::{BTreeMap, BTreeSet};

use expression::{Expression, Scope, TextTemplate};
use http::header::{HeaderMap, HeaderName};
use serde_json::{Map, Value};
use url::Url;

use crate::action::{Action, Step};
use crate::credentials::{CheckedCredentials, FieldProblem};
use crate::definition::{
    ArrayFormat, Authorization, CredentialFormat, DataSourceDefinition, Definition, Errors, MethodDefinition,
    Parameter, StepDefinition, Verb,
};
use crate::diagnosis::Diagnosis;
use crate::error::DefinitionError;
use crate::form::Form;
use crate::install::Install;
use crate::near::Unknown;
use crate::oauth::Oauth;
use crate::paging::{self, BadAnswer, Page, PageRequest, Style};
use crate::rate_limit::{self, Count, RateLimit, Told};
use crate::recognise::{self, RemoteError};
use crate::source;

/// The action whose form a person fills in once an account is connected.
const FORM: &str = "post_connect_user_form";

/// A platform that accounts can be connected to.
#[derive(Debug, Clone)]
pub struct Integration {
    /// The slug in the API.
    pub name: String,
    /// What a person reads.
    pub label: String,
    /// The unified model's category.
    pub category: String,
    /// What the platform is.
    pub description: String,
    /// The platform's own documentation.
    pub documentation_link: Option<String>,
    /// Ways to authenticate, by format (`api_key`, …).
    pub credentials: BTreeMap<String, CredentialFormat>,
    /// What can be called.
    pub resources: BTreeMap<String, Resource>,
    /// What is done when an account is connected.
    pub actions: BTreeMap<String, Action>,
    /// What a person fills in once an account is connected, if anything.
    pub form: Option<Form>,
    /// What the platform allows, where it is known.
    pub rate_limit: Option<RateLimit>,
    /// How refused credentials are told apart, where that can be told.
    pub diagnosis: Option<Diagnosis>,
    /// What the platform's app store tells, where it has one.
    pub install: Option<Install>,
    oauth: BTreeMap<String, Oauth>,
    pub(crate) base_url: BaseUrl,
    pub(crate) headers: Vec<(HeaderName, TextTemplate)>,
    pub(crate) authorization: CompiledAuthorization,
    pub(crate) query_array_format: ArrayFormat,
    pub(crate) environment_variables: Map<String, Value>,
    texts: BTreeMap<String, BTreeMap<String, String>>,
    config: Value,
    errors: Errors,
}

#[derive(Debug, Clone)]
pub(crate) enum BaseUrl {
    Fixed(Url),
    Template(TextTemplate),
}

#[derive(Debug, Clone)]
pub(crate) enum CompiledAuthorization {
    Basic { username: TextTemplate, password: TextTemplate },
    Header { name: HeaderName, value: TextTemplate },
}

/// One resource of a platform.
#[derive(Debug, Clone)]
pub struct Resource {
    /// The name in `/proxy/{resource}`.
    pub name: String,
    /// What it is.
    pub description: String,
    /// The platform's permission that its calls need.
    pub permission: Option<String>,
    /// The platform's own page about it.
    pub documentation_link: Option<String>,
    /// What can be done with it.
    pub methods: BTreeMap<String, Method>,
}

/// One method of a resource.
#[derive(Debug, Clone)]
pub struct Method {
    /// `list`, `get`, `create`, `update`, `delete`, or a name of the platform's own.
    pub name: String,
    /// The HTTP method.
    pub verb: http::Method,
    /// The path below the base URL, as declared.
    pub path: String,
    /// What it does.
    pub description: String,
    /// Query parameters it is known to take.
    pub query: BTreeMap<String, Parameter>,
    /// How sure it is that the platform works so; `None` where its documentation says it.
    pub certainty: Option<String>,
    pub(crate) path_template: TextTemplate,
    pub(crate) response_path: Option<String>,
    pub(crate) styles: Vec<Style>,
    pub(crate) no_auth: bool,
}

impl Integration {
    /// Checks a definition given as JSON and compiles it. The error names where in the definition the mistake is, as a
    /// path such as `resources.order.methods.list.pagination`.
    pub(crate) fn compile(config: Value) -> Result<Self, Mistake> {
        let definition: Definition =
            source::read_value(&config).map_err(|(path, reason)| Mistake { path, reason })?;
        let base_url = BaseUrl::of(template(&["base_url"], &definition.base_url, &["context"])?);
        let mut headers = Vec::new();
        for (name, value) in &definition.headers {
            headers.push((
                header_name(&["headers", name], name)?,
                template(&["headers", name], value, &["context", "credentials"])?,
            ));
        }
        let mut resources = BTreeMap::new();
        for (name, resource) in &definition.resources {
            let mut methods = BTreeMap::new();
            for (method_name, method) in &resource.methods {
                let at = ["resources", name, "methods", method_name];
                methods.insert(method_name.clone(), Method::compile(&definition, &at, method_name, method)?);
            }
            resources.insert(
                name.clone(),
                Resource {
                    name: name.clone(),
                    description: resource.description.clone(),
                    permission: resource.permission.clone(),
                    documentation_link: resource.documentation_link.clone(),
                    methods,
                },
            );
        }
        let actions = compile_actions(&definition, &resources)?;
        let form = compile_form(&definition, &resources)?;
        let rate_limit = definition.rate_limit.as_ref().map(RateLimit::compile).transpose()?;
        let mut oauth = BTreeMap::new();
        for (name, format) in &definition.credentials {
            if let Some(compiled) = Oauth::compile(name, format)? {
                oauth.insert(name.clone(), compiled);
            }
        }
        let resource = |name: &str| {
            let unknown = || Unknown::new("resource", name, resources.keys().map(String::as_str));
            resources.get(name).ok_or_else(unknown)
        };
        let fields = definition.credentials.values().flat_map(|format| &format.fields);
        let fields: Vec<&str> = fields.map(|field| field.name.as_str()).collect();
        let diagnosis = definition.diagnosis.as_ref();
        let diagnosis = diagnosis.map(|diagnosis| Diagnosis::compile(diagnosis, resource, &fields));
        let diagnosis = diagnosis.transpose()?;
        let install = definition.install.as_ref();
        let install = install.map(|install| Install::compile(install, resource, &fields)).transpose()?;
        Ok(Self {
            base_url,
            headers,
            authorization: compile_authorization(&definition.authorization)?,
            query_array_format: definition.query_array_format,
            form,
            rate_limit,
            diagnosis,
            install,
            oauth,
            errors: definition.errors,
            name: definition.name,
            label: definition.label,
            category: definition.category,
            description: definition.description,
            documentation_link: definition.documentation_link,
            environment_variables: definition.environment_variables,
            texts: definition.texts,
            credentials: definition.credentials,
            resources,
            actions,
            config,
        })
    }

    /// What the definition says, in another language (`fr`); in its own words where that language has none for it.
    pub fn text<'t>(&'t self, language: &str, said: &'t str) -> &'t str {
        self.texts.get(language).and_then(|texts| texts.get(said)).map_or(said, String::as_str)
    }

    /// The definition as JSON, with overrides merged in.
    pub fn config(&self) -> &Value {
        &self.config
    }

    /// The same integration with overrides merged over its definition, the later ones winning; `null` removes a key.
    pub fn overridden(&self, layers: &[&Value]) -> Result<Self, DefinitionError> {
        let mut config = self.config.clone();
        for layer in layers {
            merge(&mut config, layer);
        }
        Self::compile(config).map_err(|mistake| DefinitionError::new("override", mistake.to_string()))
    }

    /// How the tokens of a credential format are got; `None` for formats without tokens.
    pub fn oauth(&self, format: &str) -> Option<&Oauth> {
        self.oauth.get(format)
    }

    /// Finds a resource by the name in `/proxy/{resource}`.
    pub fn resource(&self, name: &str) -> Result<&Resource, Unknown> {
        self.resources
            .get(name)
            .ok_or_else(|| Unknown::new("resource", name, self.resources.keys().map(String::as_str)))
    }

    /// Checks what a person filled in. `partial` is an update, where required fields may stay as they are. Fields that are `provided` may
    /// always be left out.
    pub fn check_credentials(
        &self,
        format: &str,
        given: &Map<String, Value>,
        partial: bool,
        provided: &[String],
    ) -> Result<CheckedCredentials, Vec<FieldProblem>> {
        let Some(form) = self.credentials.get(format) else {
            let unknown =
                Unknown::new("authentication method", format, self.credentials.keys().map(String::as_str));
            return Err(vec![FieldProblem {
                field: "authentication_method".into(),
                message: unknown.to_string(),
            }]);
        };
        form.check(given, partial, provided)
    }

    /// The names of all secret fields: of whichever credential format, and of the form after it.
    pub fn secret_fields(&self) -> impl Iterator<Item = &str> {
        let of_forms = self
            .credentials
            .values()
            .flat_map(|format| &format.fields)
            .filter(|field| field.kind == crate::FieldType::Password)
            .map(|field| field.name.as_str());
        of_forms.chain(self.form.iter().flat_map(Form::secret_fields))
    }

    /// What an answer tells of the platform's limit; `now` in seconds since 1970, `body` of an error answer.
    pub fn told(&self, now: f64, status: u16, headers: &HeaderMap, body: Option<&[u8]>) -> Told {
        match &self.rate_limit {
            Some(limit) => limit.told(now, status, headers, body),
            // Too many calls is too many calls, also of what declares no limit (RFC 6585, 4).
            None if status == 429 => {
                Told { is_refusal: true, retry_after: rate_limit::retry_after(headers), remaining: None }
            }
            None => Told::default(),
        }
    }

    /// What an error answer of the platform means, with what it tells of the limit.
    pub fn recognise(
        &self,
        resource: Option<&Resource>,
        status: u16,
        told: &Told,
        body: &[u8],
    ) -> RemoteError {
        recognise::recognise(&self.errors, resource, status, told, body)
    }

    /// How a call of any path counts: as the declared list of that path does.
    pub(crate) fn count_custom(&self, verb: &http::Method, path: &str, url: &Url) -> Count {
        let methods = self.resources.values().flat_map(|resource| resource.methods.values());
        let declared =
            methods.into_iter().find(|method| method.verb == verb && method.path == path && method.is_list());
        declared.map_or(Count::Counted { page: None, is_list: false }, |method| method.count(url))
    }
}

impl BaseUrl {
    /// Parsed once where it is the same for all accounts. What is no URL is told when it is called.
    fn of(template: TextTemplate) -> Self {
        let fixed = template.roots().next().is_none();
        match Url::parse(&template.text(&Scope::new())) {
            Ok(url) if fixed => Self::Fixed(url),
            _ => Self::Template(template),
        }
    }
}

impl Resource {
    /// Finds a method by name.
    pub fn method(&self, name: &str) -> Result<&Method, Unknown> {
        self.methods
            .get(name)
            .ok_or_else(|| Unknown::new("method", name, self.methods.keys().map(String::as_str)))
    }
}

impl Method {
    fn compile(
        definition: &Definition,
        at: &[&str],
        name: &str,
        method: &MethodDefinition,
    ) -> Result<Self, Mistake> {
        let below = |key: &'static str| [at, &[key]].concat();
        let verb = match (method.verb, name) {
            (Some(Verb::Get), _) | (None, "list" | "get") => http::Method::GET,
            (Some(Verb::Post), _) | (None, "create") => http::Method::POST,
            (Some(Verb::Put), _) | (None, "update") => http::Method::PUT,
            (Some(Verb::Patch), _) => http::Method::PATCH,
            (Some(Verb::Delete), _) | (None, "delete") => http::Method::DELETE,
            (None, _) => {
                return Err(Mistake::at(
                    at,
                    "a custom method needs a `verb`: get, post, put, patch or delete",
                ));
            }
        };
        if !method.path.starts_with('/') {
            return Err(Mistake::at(&below("path"), "a path begins with `/`"));
        }
        let path_template = template(&below("path"), &method.path, &["id", "query", "context"])?;
        let mut styles = Vec::new();
        for style in &method.pagination {
            let Some(pagination) = definition.pagination.get(style) else {
                let unknown =
                    Unknown::new("paging style", style, definition.pagination.keys().map(String::as_str));
                return Err(Mistake::at(&below("pagination"), unknown.to_string()));
            };
            styles.push(Style { pagination: pagination.clone() });
        }
        Ok(Self {
            name: name.to_owned(),
            verb,
            path: method.path.clone(),
            description: method.description.clone(),
            query: method.query.clone(),
            certainty: method.certainty.clone(),
            path_template,
            response_path: method.response_path.clone(),
            styles,
            no_auth: method.no_auth,
        })
    }

    /// Whether the method gives a list of records.
    pub fn is_list(&self) -> bool {
        self.name == "list" || self.response_path.is_some()
    }

    /// Where the records of a list stand in an answer.
    pub fn response_path(&self) -> Option<&str> {
        self.response_path.as_deref()
    }

    /// Whether the path needs an id.
    pub fn needs_id(&self) -> bool {
        self.path_template.roots().any(|root| root == "id")
    }

    /// Query parameters that the path is made of, by name.
    pub fn path_parameters(&self) -> impl Iterator<Item = String> {
        self.path_template.paths().filter_map(|path| path.strip_prefix("query.").map(str::to_owned))
    }

    /// The way of paging to read this method by: the preferred one, unless the caller pages by himself with a
    /// parameter of the platform's own.
    pub fn style(&self, query: &Map<String, Value>) -> Option<&Style> {
        if self.styles.iter().any(|style| query.contains_key(style.param())) {
            return None;
        }
        self.styles.first()
    }

    /// How a call counts that asks for `url`: by the paging style whose parameter it has.
    pub(crate) fn count(&self, url: &Url) -> Count {
        let asks_by = |style: &&Style| url.query_pairs().any(|(name, _)| name == style.param());
        match self.styles.iter().find(asks_by) {
            Some(style) if !style.is_limited() => Count::Free,
            Some(style) => {
                Count::Counted { page: rate_limit::page_number(url, style.param()), is_list: true }
            }
            None => Count::Counted { page: None, is_list: self.is_list() },
        }
    }

    /// Takes the records and the next cursor out of an answer.
    pub fn read_page<'a>(
        &self,
        body: &'a str,
        style: Option<&Style>,
        request: &PageRequest,
    ) -> Result<Page<'a>, BadAnswer> {
        paging::read(body, self.response_path.as_deref(), style, request)
    }
}

/// A mistake and where it is.
#[derive(Debug)]
pub(crate) struct Mistake {
    pub(crate) path: Vec<String>,
    pub(crate) reason: String,
}

impl Mistake {
    pub(crate) fn at(path: &[&str], reason: impl Into<String>) -> Self {
        Self { path: path.iter().map(|step| (*step).to_owned()).collect(), reason: reason.into() }
    }
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.path.is_empty() {
            write!(out, "{}: ", self.path.join("."))?;
        }
        out.write_str(&self.reason)
    }
}

/// Parses a template whose placeholders begin with one of `roots`. Only `id` stands alone.
pub(crate) fn template(at: &[&str], text: &str, roots: &[&str]) -> Result<TextTemplate, Mistake> {
    let template = TextTemplate::parse(text).map_err(|error| Mistake::at(at, error.to_string()))?;
    for path in template.paths() {
        let (root, below) = path.split_once('.').map_or((path.as_str(), false), |(root, _)| (root, true));
        if !roots.contains(&root) || below == (root == "id") {
            let known: Vec<String> = roots
                .iter()
                .map(|root| if *root == "id" { "id".to_owned() } else { format!("{root}.<name>") })
                .collect();
            let reason = format!("{{{{{path}}}}} is not known here; use {}", known.join(", "));
            return Err(Mistake::at(at, reason));
        }
    }
    Ok(template)
}

fn header_name(at: &[&str], name: &str) -> Result<HeaderName, Mistake> {
    HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| Mistake::at(at, format!("{name:?} is no header name")))
}

fn compile_authorization(authorization: &Authorization) -> Result<CompiledAuthorization, Mistake> {
    let at = |key: &'static str| ["authorization", "config", key];
    let roots = ["context", "credentials"];
    Ok(match authorization {
        Authorization::Basic { username, password } => CompiledAuthorization::Basic {
            username: template(&at("username"), username, &roots)?,
            password: template(&at("password"), password, &roots)?,
        },
        Authorization::Bearer { token } => CompiledAuthorization::Header {
            name: http::header::AUTHORIZATION,
            value: template(&at("token"), &format!("Bearer {token}"), &roots)?,
        },
        Authorization::Header { header_name: name, header_value } => CompiledAuthorization::Header {
            name: header_name(&at("header_name"), name)?,
            value: template(&at("header_value"), header_value, &roots)?,
        },
    })
}

fn compile_actions(
    definition: &Definition,
    resources: &BTreeMap<String, Resource>,
) -> Result<BTreeMap<String, Action>, Mistake> {
    let mut actions = BTreeMap::new();
    for (name, action) in definition.actions.iter().filter(|(name, _)| *name != FORM) {
        let mut steps = Vec::new();
        for (index, step) in action.steps.iter().enumerate() {
            let index = index.to_string();
            let at = ["actions", name, "steps", &index];
            let expression = |source: &str| {
                Expression::compile(source).map_err(|error| Mistake::at(&at, error.to_string()))
            };
            steps.push(match step {
                StepDefinition::Request { resource, method, query } => {
                    let unknown = |error: Unknown| Mistake::at(&at, error.to_string());
                    resources
                        .get(resource)
                        .ok_or_else(|| {
                            Unknown::new("resource", resource, resources.keys().map(String::as_str))
                        })
                        .and_then(|resource| resource.method(method))
                        .map_err(unknown)?;
                    Step::Request { resource: resource.clone(), method: method.clone(), query: query.clone() }
                }
                StepDefinition::UpdateContext { expression: source } => {
                    Step::UpdateContext(expression(source)?)
                }
                StepDefinition::Transform { expression: source } => Step::Transform(expression(source)?),
                StepDefinition::Form(_) => {
                    return Err(Mistake::at(&at, format!("a form is the one step of the action {FORM:?}")));
                }
            });
        }
        if action.is_enabled {
            actions.insert(name.clone(), Action { description: action.description.clone(), steps });
        }
    }
    Ok(actions)
}

fn compile_form(
    definition: &Definition,
    resources: &BTreeMap<String, Resource>,
) -> Result<Option<Form>, Mistake> {
    let Some(action) = definition.actions.get(FORM) else { return Ok(None) };
    let at = ["actions", FORM, "steps"];
    let [StepDefinition::Form(form)] = action.steps.as_slice() else {
        return Err(Mistake::at(&at, "this action has one step, of the type `form`"));
    };
    let credentials = definition.credentials.values().flat_map(|format| &format.fields);
    let mut taken: BTreeSet<&str> = credentials.map(|field| field.name.as_str()).collect();
    taken.extend(["oauth", "environment_variables"]);
    let check_method = |source: &DataSourceDefinition| {
        if source.is_unified() {
            let has_model = source.resource.split_once('/').is_some();
            return if has_model {
                Ok(())
            } else {
                Err("a unified resource is written model/resource".to_owned())
            };
        }
        let unknown = || Unknown::new("resource", &source.resource, resources.keys().map(String::as_str));
        let resource = resources.get(&source.resource).ok_or_else(unknown);
        let method = resource.and_then(|resource| resource.method(&source.method));
        match method.map_err(|unknown| unknown.to_string())?.is_list() {
            true => Ok(()),
            false => Err(format!("the method {:?} gives no list", source.method)),
        }
    };
    let form = Form::compile(&[&at[..], &["0", "config"]].concat(), form, &taken, check_method)?;
    Ok(action.is_enabled.then_some(form))
}

/// Merges `layer` into `base`, objects key by key; `null` removes a key.
fn merge(base: &mut Value, layer: &Value) {
    match (base, layer) {
        (Value::Object(base), Value::Object(layer)) => {
            for (key, value) in layer {
                if value.is_null() {
                    base.shift_remove(key);
                } else {
                    merge(base.entry(key.clone()).or_insert(Value::Null), value);
                }
            }
        }
        (base, layer) => *base = layer.clone(),
    }
}
