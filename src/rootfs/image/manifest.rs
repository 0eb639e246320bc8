//! Which image of an archive is meant, and what it is made of.
//!
//! An OCI layout has an index with manifests, or with further indexes, one for each platform; an archive of
//! `docker save` has a list of images. Everything is verified by its digest when it is read.

use crate::rootfs::image::ImageError;
use crate::rootfs::image::archive::{Archive, Blob};
use crate::rootfs::image::config::ImageConfig;
use crate::rootfs::image::digest::Digest;
use crate::rootfs::image::json::Json;
use crate::rootfs::image::tar::Flaw;

/// The largest manifest, index or configuration: what registries take.
const MAX_DOCUMENT: u64 = 4 << 20;
/// How many manifests all indexes together may name, and how deep they may nest.
const MAX_MANIFESTS: usize = 10_000;
const MAX_NESTING: usize = 4;
/// How many layers an image may have; Docker makes 127 at most.
const MAX_LAYERS: usize = 1000;

/// Which image is wanted.
#[derive(Clone, Debug, Default)]
pub struct ImageChoice {
    /// Its name, or the digest of its manifest; `None` for the only one.
    pub name: Option<String>,
    /// `OS/ARCHITECTURE[/VARIANT]`; `None` for the only one, or this machine's.
    pub platform: Option<String>,
}

/// What an image is made of.
pub(super) struct Parts {
    /// Its names, in the archive's order.
    pub(super) names: Vec<String>,
    /// The digest of its manifest; archives of `docker save` have none.
    pub(super) manifest: Option<Digest>,
    pub(super) config_digest: Digest,
    pub(super) config: ImageConfig,
    pub(super) layers: Vec<LayerPart>,
}

/// One layer as the manifest and the configuration have it.
pub(super) struct LayerPart {
    pub(super) blob: Blob,
    /// The digest of the blob as it is stored; archives of `docker save` do not tell.
    pub(super) digest: Option<Digest>,
    /// The digest of what it holds, uncompressed.
    pub(super) diff_id: Digest,
}

/// What refers to a manifest.
#[derive(Clone, Debug)]
struct Descriptor {
    digest: Digest,
    size: u64,
    media_type: String,
    platform: Option<String>,
    name: Option<String>,
}

/// The image that is wanted.
pub(super) fn choose(archive: &Archive, choice: &ImageChoice) -> Result<Parts, ImageError> {
    if let Some(layout) = document(archive, "oci-layout", "oci-layout")? {
        let version = layout.text("imageLayoutVersion").ok().flatten().map(str::to_owned);
        return match version.as_deref() {
            Some("1.0.0") => oci(archive, choice),
            _ => Err(unusable("oci-layout", "a layout of an unknown version")),
        };
    }
    match document(archive, "manifest.json", "manifest.json")? {
        Some(list) => docker(archive, &list, choice),
        None => Err(unusable(
            "",
            "it is neither an OCI layout (oci-layout, index.json) nor an archive of docker save (manifest.json)",
        )),
    }
}

pub(super) fn unusable(place: impl Into<String>, why: impl Into<Flaw>) -> ImageError {
    ImageError::Unusable { place: place.into(), why: why.into() }
}

/// A JSON document of the archive.
fn document(archive: &Archive, name: &str, place: &str) -> Result<Option<Json>, ImageError> {
    let Some(blob) = archive.blob(name).map_err(|flaw| unusable(place, flaw))? else { return Ok(None) };
    let bytes = blob.read_whole(MAX_DOCUMENT).map_err(|error| unusable(place, error.to_string()))?;
    Json::parse(&bytes).map(Some).map_err(|flaw| unusable(place, flaw))
}

/// A blob of a layout.
fn blob(archive: &Archive, place: &str, descriptor: &Descriptor) -> Result<Blob, ImageError> {
    let found = archive.blob(&descriptor.digest.place()).map_err(|flaw| unusable(place, flaw))?;
    let blob = found.ok_or_else(|| unusable(place, "the archive does not hold it"))?;
    if blob.length != descriptor.size {
        return Err(unusable(place, format!("it has {} bytes and should have {}", blob.length, descriptor.size)));
    }
    Ok(blob)
}

/// A small blob of a layout, its digest verified.
fn verified(archive: &Archive, place: &str, descriptor: &Descriptor) -> Result<Vec<u8>, ImageError> {
    let blob = blob(archive, place, descriptor)?;
    let bytes = blob.read_whole(MAX_DOCUMENT).map_err(|error| unusable(place, error.to_string()))?;
    if !descriptor.digest.is_of(&bytes) {
        return Err(unusable(place, "its content does not have this digest"));
    }
    Ok(bytes)
}

fn oci(archive: &Archive, choice: &ImageChoice) -> Result<Parts, ImageError> {
    let index =
        document(archive, "index.json", "index.json")?.ok_or_else(|| unusable("index.json", "there is none"))?;
    let top = descriptors(&index, "manifests").map_err(|flaw| unusable("index.json", flaw))?;
    let mut images: Vec<(Vec<String>, Vec<Descriptor>)> = Vec::new();
    for descriptor in top.into_iter().filter(is_no_attestation) {
        let name = descriptor.name.clone();
        // The same manifest under another name, or one of several without a name: they differ by platform.
        let same = |known: &[Descriptor]| known.iter().any(|known| known.digest == descriptor.digest);
        let place = images.iter().position(|(names, known)| same(known) || (names.is_empty() && name.is_none()));
        match place.and_then(|place| images.get_mut(place)) {
            Some((names, known)) => {
                if !same(known) {
                    known.push(descriptor);
                }
                names.extend(name);
            }
            None => images.push((name.into_iter().collect(), vec![descriptor])),
        }
    }
    let (names, candidates) = by_name(images, choice, |candidate, wanted| {
        candidate.iter().any(|descriptor| descriptor.digest.as_str() == wanted)
    })?;
    let mut manifests = Vec::new();
    for candidate in &candidates {
        flatten(archive, candidate, 0, &mut manifests)?;
    }
    let mut known = Vec::new();
    for descriptor in manifests {
        let platform = match &descriptor.platform {
            Some(platform) => platform.clone(),
            None => platform_of(archive, &descriptor)?,
        };
        known.push((platform, descriptor));
    }
    let descriptor = by_platform(known, choice)?;
    let mut parts = parts(archive, &descriptor)?;
    if let Some(wanted) = &choice.platform
        && !fits(wanted, &parts.config.platform())
    {
        return Err(ImageError::Choice(format!("the image is for {}, not for {wanted}", parts.config.platform())));
    }
    parts.names = names;
    Ok(parts)
}

/// Manifests of attestations stand in an index beside the image that they are about.
fn is_no_attestation(descriptor: &Descriptor) -> bool {
    descriptor.platform.as_deref() != Some("unknown/unknown")
}

fn is_index(media_type: &str) -> bool {
    matches!(
        media_type,
        "application/vnd.oci.image.index.v1+json" | "application/vnd.docker.distribution.manifest.list.v2+json"
    )
}

fn flatten(
    archive: &Archive,
    descriptor: &Descriptor,
    depth: usize,
    manifests: &mut Vec<Descriptor>,
) -> Result<(), ImageError> {
    let place = descriptor.digest.as_str();
    if !is_index(&descriptor.media_type) {
        manifests.push(descriptor.clone());
        return match manifests.len() > MAX_MANIFESTS {
            true => Err(unusable(place, format!("more than {MAX_MANIFESTS} manifests"))),
            false => Ok(()),
        };
    }
    if depth >= MAX_NESTING {
        return Err(unusable(place, format!("more than {MAX_NESTING} indexes, one in the other")));
    }
    let index = Json::parse(&verified(archive, place, descriptor)?).map_err(|flaw| unusable(place, flaw))?;
    let below = descriptors(&index, "manifests").map_err(|flaw| unusable(place, flaw))?;
    below.iter().filter(|one| is_no_attestation(one)).try_for_each(|one| flatten(archive, one, depth + 1, manifests))
}

fn descriptors(json: &Json, key: &str) -> Result<Vec<Descriptor>, String> {
    let items = json.list(key)?.ok_or_else(|| format!("it has no `{key}`"))?;
    if items.len() > MAX_MANIFESTS {
        return Err(format!("`{key}` has more than {MAX_MANIFESTS} entries"));
    }
    items.iter().map(descriptor).collect()
}

fn descriptor(json: &Json) -> Result<Descriptor, String> {
    let digest = json.text("digest")?.and_then(Digest::parse).ok_or("an entry without a digest of sha256 or sha512")?;
    let Some(Json::Number(size)) = json.get("size") else {
        return Err(format!("{} is said to have no size", digest.as_str()));
    };
    let platform = match json.get("platform") {
        None => None,
        Some(platform) => {
            let part = |key| platform.text(key).map(|part| part.unwrap_or("unknown").to_owned());
            let variant = platform.text("variant")?.filter(|variant| !variant.is_empty());
            let variant = variant.map_or_else(String::new, |variant| format!("/{variant}"));
            Some(format!("{}/{}{variant}", part("os")?, part("architecture")?))
        }
    };
    let name = match json.get("annotations") {
        Some(Json::Map(entries)) => {
            let find = |key: &str| entries.iter().find(|(known, _)| known == key).map(|(_, value)| value);
            match find("io.containerd.image.name").or_else(|| find("org.opencontainers.image.ref.name")) {
                Some(Json::Text(name)) => Some(name.clone()),
                Some(_) => return Err("a name that is no text".to_owned()),
                None => None,
            }
        }
        _ => None,
    };
    Ok(Descriptor {
        digest,
        size: *size,
        media_type: json.text("mediaType")?.unwrap_or_default().to_owned(),
        platform,
        name,
    })
}

/// The candidate with the wanted name; the only one when none is wanted.
fn by_name<T>(
    mut images: Vec<(Vec<String>, T)>,
    choice: &ImageChoice,
    has_digest: impl Fn(&T, &str) -> bool,
) -> Result<(Vec<String>, T), ImageError> {
    let there = || {
        let mut names: Vec<&str> = images.iter().flat_map(|(names, _)| names).map(String::as_str).collect();
        names.sort_unstable();
        if names.is_empty() { "images without names".to_owned() } else { names.join(", ") }
    };
    let place = match &choice.name {
        None if images.len() > 1 => {
            return Err(ImageError::Choice(format!(
                "the archive holds {} images; choose one with --image-name: {}",
                images.len(),
                there()
            )));
        }
        None => 0,
        Some(wanted) => {
            let digest = wanted.rsplit_once('@').map_or(wanted.as_str(), |(_, digest)| digest);
            let mut fitting = images.iter().enumerate().filter(|(_, (names, candidate))| {
                names.iter().any(|name| name == wanted || full_name(name) == full_name(wanted))
                    || has_digest(candidate, digest)
            });
            match (fitting.next(), fitting.next()) {
                (Some((place, _)), None) => place,
                (None, _) => {
                    return Err(ImageError::Choice(format!("the archive holds no image {wanted}; it has {}", there())));
                }
                (Some(_), Some(_)) => {
                    return Err(ImageError::Choice(format!(
                        "the archive holds several images {wanted}; choose by digest"
                    )));
                }
            }
        }
    };
    if place < images.len() { Ok(images.swap_remove(place)) } else { Err(unusable("", "it holds no image")) }
}

/// A name with all that it may leave out: `docker.io/library/debian:latest`.
fn full_name(name: &str) -> String {
    let (domain, path) = match name.split_once('/') {
        Some((domain, path)) if domain.contains(['.', ':']) || domain == "localhost" => (domain, path.to_owned()),
        Some(_) => ("docker.io", name.to_owned()),
        None => ("docker.io", format!("library/{name}")),
    };
    let tagged = path.rsplit('/').next().is_some_and(|last| last.contains([':', '@']));
    format!("{domain}/{path}{}", if tagged { "" } else { ":latest" })
}

/// Whether a platform is the wanted one; a variant counts only where it is asked for.
fn fits(wanted: &str, platform: &str) -> bool {
    let wanted: Vec<&str> = wanted.split('/').collect();
    let platform: Vec<&str> = platform.split('/').collect();
    platform.get(..wanted.len()) == Some(&wanted)
        // arm64 is v8 whether it says so or not.
        || (wanted == [platform.first().copied().unwrap_or_default(), "arm64", "v8"] && platform.get(1..) == Some(&["arm64"]))
}

/// This machine, in the words of images.
fn own_platform() -> String {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("linux/{architecture}")
}

fn by_platform<T>(mut known: Vec<(String, T)>, choice: &ImageChoice) -> Result<T, ImageError> {
    let there = || known.iter().map(|(platform, _)| platform.as_str()).collect::<Vec<_>>().join(", ");
    let wanted = choice.platform.clone().unwrap_or_else(own_platform);
    let fitting: Vec<usize> =
        known.iter().enumerate().filter(|(_, (platform, _))| fits(&wanted, platform)).map(|(place, _)| place).collect();
    let place = match fitting.as_slice() {
        _ if known.len() == 1 && choice.platform.is_none() => 0,
        [place] => *place,
        [] if known.is_empty() => return Err(unusable("", "it holds no image")),
        [] => {
            return Err(ImageError::Choice(format!(
                "there is no image for {wanted}; choose with --platform: {}",
                there()
            )));
        }
        _ => {
            return Err(ImageError::Choice(format!(
                "there are several images for {wanted}; choose with --platform: {}",
                there()
            )));
        }
    };
    Ok(known.swap_remove(place).1)
}

/// What the configuration of a manifest says of its platform.
fn platform_of(archive: &Archive, descriptor: &Descriptor) -> Result<String, ImageError> {
    Ok(manifest(archive, descriptor)?.1.platform())
}

/// A manifest with its configuration.
fn manifest(archive: &Archive, found: &Descriptor) -> Result<(Json, ImageConfig, Digest), ImageError> {
    let place = format!("manifest {}", found.digest.as_str());
    let manifest = Json::parse(&verified(archive, &place, found)?).map_err(|flaw| unusable(&place, flaw))?;
    let config = manifest.get("config").ok_or_else(|| unusable(&place, "it names no configuration: it is no image"))?;
    let config = descriptor(config).map_err(|flaw| unusable(&place, flaw))?;
    if !matches!(
        config.media_type.as_str(),
        "application/vnd.oci.image.config.v1+json" | "application/vnd.docker.container.image.v1+json"
    ) {
        return Err(unusable(&place, format!("it is no image: its configuration is {:?}", config.media_type)));
    }
    let place = format!("configuration {}", config.digest.as_str());
    let bytes = verified(archive, &place, &config)?;
    let parsed = ImageConfig::parse(&bytes).map_err(|flaw| unusable(&place, flaw))?;
    Ok((manifest, parsed, config.digest))
}

fn parts(archive: &Archive, found: &Descriptor) -> Result<Parts, ImageError> {
    let (manifest, config, config_digest) = manifest(archive, found)?;
    let place = format!("manifest {}", found.digest.as_str());
    let layers = descriptors(&manifest, "layers").map_err(|flaw| unusable(&place, flaw))?;
    let blobs = layers.into_iter().enumerate().map(|(index, layer)| {
        let place = layer_place(index, layer.digest.as_str());
        if layer.media_type.contains("encrypted") {
            return Err(unusable(&place, "it is encrypted"));
        }
        Ok((blob(archive, &place, &layer)?, Some(layer.digest)))
    });
    let layers = with_diff_ids(&place, &config, blobs.collect::<Result<_, _>>()?)?;
    Ok(Parts { names: Vec::new(), manifest: Some(found.digest.clone()), config_digest, config, layers })
}

/// A layer in a message; they count from 1.
pub(super) fn layer_place(index: usize, digest: &str) -> String {
    format!("layer {} ({digest})", index + 1)
}

fn with_diff_ids(
    place: &str,
    config: &ImageConfig,
    blobs: Vec<(Blob, Option<Digest>)>,
) -> Result<Vec<LayerPart>, ImageError> {
    if blobs.len() > MAX_LAYERS {
        return Err(unusable(place, format!("more than {MAX_LAYERS} layers")));
    }
    if blobs.len() != config.diff_ids.len() {
        let why = format!("{} layers, and the configuration knows {}", blobs.len(), config.diff_ids.len());
        return Err(unusable(place, why));
    }
    let layer = |((blob, digest), diff_id): ((Blob, Option<Digest>), &String)| {
        let diff_id = Digest::parse(diff_id)
            .ok_or_else(|| unusable(place, "the configuration has a diff_id that is no digest of sha256 or sha512"))?;
        Ok(LayerPart { blob, digest, diff_id })
    };
    blobs.into_iter().zip(&config.diff_ids).map(layer).collect()
}

/// An archive of `docker save`: everything in it hangs on the digest of the configuration, the image's id.
fn docker(archive: &Archive, list: &Json, choice: &ImageChoice) -> Result<Parts, ImageError> {
    let place = "manifest.json";
    let flawed = |flaw: String| unusable(place, flaw);
    let Json::List(items) = list else { return Err(unusable(place, "it is no list of images")) };
    let mut images = Vec::new();
    for item in items {
        images.push((item.texts("RepoTags").map_err(flawed)?.unwrap_or_default(), item));
    }
    let id_of = |item: &Json| {
        let name = item.text("Config").ok().flatten().unwrap_or_default();
        let file = name.rsplit('/').next().unwrap_or_default();
        Digest::parse(&format!("sha256:{}", file.strip_suffix(".json").unwrap_or(file)))
    };
    let (names, item) = by_name(images, choice, |item, wanted| id_of(item).is_some_and(|id| id.as_str() == wanted))?;
    let name =
        item.text("Config").map_err(flawed)?.ok_or_else(|| unusable(place, "an image without a configuration"))?;
    let place = format!("configuration {name}");
    let blob = archive.blob(name).map_err(|flaw| unusable(&place, flaw))?;
    let blob = blob.ok_or_else(|| unusable(&place, "the archive does not hold it"))?;
    let bytes = blob.read_whole(MAX_DOCUMENT).map_err(|error| unusable(&place, error.to_string()))?;
    let config_digest = Digest::of(&bytes);
    if id_of(item).is_some_and(|id| id != config_digest) {
        return Err(unusable(&place, "its content does not have the digest that it is named by"));
    }
    let config = ImageConfig::parse(&bytes).map_err(|flaw| unusable(&place, flaw))?;
    let config = by_platform(vec![(config.platform(), config)], choice)?;
    let layers = item.texts("Layers").map_err(flawed)?.unwrap_or_default();
    let blobs = layers.into_iter().enumerate().map(|(index, name)| {
        let place = layer_place(index, &name);
        let blob = archive.blob(&name).map_err(|flaw| unusable(&place, flaw))?;
        Ok((blob.ok_or_else(|| unusable(&place, "the archive does not hold it"))?, None))
    });
    let layers = with_diff_ids("manifest.json", &config, blobs.collect::<Result<_, ImageError>>()?)?;
    Ok(Parts { names, manifest: None, config_digest, config, layers })
}
