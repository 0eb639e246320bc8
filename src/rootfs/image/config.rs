//! What an image says of itself: how it is started, and how it was made.
//!
//! Read from the OCI image configuration (which is Docker's), and from what `docker inspect` and
//! `skopeo inspect --config` print.

use crate::rootfs::image::json::Json;

/// One step of an image's making.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryStep {
    /// The command.
    pub created_by: String,
    /// A comment.
    pub comment: String,
    /// Whether it made no layer.
    pub empty_layer: bool,
}

/// An image's configuration; `None` and empty where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageConfig {
    /// `USER[:GROUP]`, names or numbers.
    pub user: Option<String>,
    /// `NAME=VALUE`.
    pub env: Vec<String>,
    /// What is always run.
    pub entrypoint: Option<Vec<String>>,
    /// What is run by default, or the arguments to that.
    pub cmd: Option<Vec<String>>,
    /// `80/tcp`.
    pub exposed_ports: Vec<String>,
    /// Paths.
    pub volumes: Vec<String>,
    /// Names and values.
    pub labels: Vec<(String, String)>,
    /// The test of the health check, its first word the kind of it.
    pub healthcheck: Option<Vec<String>>,
    /// The steps of its making; `None` where they are not told.
    pub history: Option<Vec<HistoryStep>>,
    /// Where it starts.
    pub working_dir: Option<String>,
    /// What stops it.
    pub stop_signal: Option<String>,
    /// `amd64`.
    pub architecture: Option<String>,
    /// `linux`.
    pub os: Option<String>,
    /// `v8`.
    pub variant: Option<String>,
    /// When it was made, RFC 3339.
    pub created: Option<String>,
    /// Digests of the layers, uncompressed.
    pub(super) diff_ids: Vec<String>,
}

impl ImageConfig {
    /// The configuration in some JSON.
    ///
    /// Errors: it is no JSON, of another shape, or holds several configurations.
    pub fn parse(bytes: &[u8]) -> Result<ImageConfig, String> {
        let json = Json::parse(bytes)?;
        // `docker inspect` prints a list.
        let json = match &json {
            Json::List(items) => match items.as_slice() {
                [one] => one,
                items => return Err(format!("it holds {} configurations, not one", items.len())),
            },
            one => one,
        };
        if !matches!(json, Json::Map(_))
            || ["config", "rootfs", "architecture"].iter().all(|key| json.get(key).is_none())
        {
            return Err("it is no image configuration".to_owned());
        }
        let nothing = Json::Map(Vec::new());
        let run = match json.get("config") {
            Some(run @ Json::Map(_)) => run,
            Some(_) => return Err("`config` is no map".to_owned()),
            None => &nothing,
        };
        let text =
            |json: &Json, key| json.text(key).map(|text| text.filter(|text| !text.is_empty()).map(str::to_owned));
        let keys = |key: &str| match run.get(key) {
            None => Ok(Vec::new()),
            Some(Json::Map(entries)) => Ok(entries.iter().map(|(name, _)| name.clone()).collect()),
            Some(_) => Err(format!("`{key}` is no map")),
        };
        let labels = match run.get("labels") {
            None => Vec::new(),
            Some(Json::Map(entries)) => {
                let label = |(name, value): &(String, Json)| match value {
                    Json::Text(value) => Ok((name.clone(), value.clone())),
                    _ => Err(format!("the label `{name}` is no text")),
                };
                entries.iter().map(label).collect::<Result<_, _>>()?
            }
            Some(_) => return Err("`labels` is no map".to_owned()),
        };
        let history = json.list("history")?.map(|steps| {
            let step = |step: &Json| {
                Ok(HistoryStep {
                    created_by: text(step, "created_by")?.unwrap_or_default(),
                    comment: text(step, "comment")?.unwrap_or_default(),
                    empty_layer: step.get("empty_layer") == Some(&Json::Bool(true)),
                })
            };
            steps.iter().map(step).collect::<Result<_, String>>()
        });
        let diff_ids = json.get("rootfs").map(|rootfs| rootfs.texts("diff_ids")).transpose()?.flatten();
        Ok(ImageConfig {
            user: text(run, "user")?,
            env: run.texts("env")?.unwrap_or_default(),
            entrypoint: words(run, "entrypoint")?,
            cmd: words(run, "cmd")?,
            exposed_ports: keys("exposedports")?,
            volumes: keys("volumes")?,
            labels,
            healthcheck: run.get("healthcheck").map(|check| check.texts("test")).transpose()?.flatten(),
            history: history.transpose()?,
            working_dir: text(run, "workingdir")?,
            stop_signal: text(run, "stopsignal")?,
            architecture: text(json, "architecture")?,
            os: text(json, "os")?,
            variant: text(json, "variant")?,
            created: text(json, "created")?,
            diff_ids: diff_ids.unwrap_or_default(),
        })
    }

    /// `linux/arm/v7`.
    pub(super) fn platform(&self) -> String {
        let part = |part: &Option<String>| part.clone().unwrap_or_else(|| "unknown".to_owned());
        let variant = self.variant.as_ref().map_or_else(String::new, |variant| format!("/{variant}"));
        format!("{}/{}{variant}", part(&self.os), part(&self.architecture))
    }

    /// The command that made each of so many layers, where the history tells.
    pub(super) fn made_by(&self, layers: usize) -> Vec<Option<String>> {
        let steps = self.history.iter().flatten().filter(|step| !step.empty_layer);
        let made: Vec<Option<String>> =
            steps.map(|step| Some(step.created_by.clone()).filter(|command| !command.is_empty())).collect();
        if made.len() == layers { made } else { vec![None; layers] }
    }
}

/// A command; an empty one is none.
fn words(run: &Json, key: &str) -> Result<Option<Vec<String>>, String> {
    Ok(run.texts(key)?.filter(|words| !words.is_empty()))
}
