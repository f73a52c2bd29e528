//! Tests the image: an OCI layout in a tar file.

use std::collections::BTreeSet;
use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::*;

/// The entries of the layer that all processors share, as `tar` lists them.
const BASE: [&str; 15] = [
    "drwxr-xr-x 0/0 etc/",
    "drwxr-xr-x 0/0 etc/ssl/",
    "drwxr-xr-x 0/0 etc/ssl/certs/",
    "-rw-r--r-- 0/0 etc/ssl/certs/ca-certificates.crt",
    "drwxr-xr-x 0/0 opt/",
    "drwxr-xr-x 0/0 opt/resource/",
    "lrwxrwxrwx 0/0 opt/resource/check -> /usr/bin/dpl-lambda",
    "lrwxrwxrwx 0/0 opt/resource/in -> /usr/bin/dpl-lambda",
    "lrwxrwxrwx 0/0 opt/resource/out -> /usr/bin/dpl-lambda",
    "drwxrwxrwt 0/0 tmp/",
    "drwxr-xr-x 0/0 usr/",
    "drwxr-xr-x 0/0 usr/share/",
    "drwxr-xr-x 0/0 usr/share/doc/",
    "drwxr-xr-x 0/0 usr/share/doc/dpl-lambda/",
    "-rw-r--r-- 0/0 usr/share/doc/dpl-lambda/THIRD-PARTY-LICENSES",
];

/// The entries of the layer with the program.
const OWN: [&str; 3] =
    ["drwxr-xr-x 0/0 usr/", "drwxr-xr-x 0/0 usr/bin/", "-rwxr-xr-x 0/0 usr/bin/dpl-lambda"];

/// A layout that is unpacked, and the digests of the blobs that were read.
struct Layout {
    directory: TempDir,
    read: BTreeSet<String>,
}

impl Layout {
    fn of(packages: &Path) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let mut tar = Command::new("tar");
        output(tar.arg("-xf").arg(packages.join("dpl-lambda-image.tar")).arg("-C").arg(directory.path()));
        Layout { directory, read: BTreeSet::new() }
    }

    fn json(&self, name: &str) -> Value {
        let text = fs::read(self.directory.path().join(name)).expect("readable");
        serde_json::from_slice(&text).expect("JSON")
    }

    /// Reads the blob of a descriptor, and checks its size and its digest.
    #[track_caller]
    fn blob(&mut self, descriptor: &Value, media_type: &str) -> Vec<u8> {
        assert_eq!(descriptor["mediaType"], format!("application/vnd.oci.image.{media_type}"));
        let digest = descriptor["digest"].as_str().expect("a string");
        let name = digest.strip_prefix("sha256:").expect("SHA-256");
        let bytes = fs::read(self.directory.path().join("blobs/sha256").join(name)).expect("the blob exists");
        assert_eq!(descriptor["size"], json!(bytes.len()), "{digest}");
        assert_eq!(hex::encode(Sha256::digest(&bytes)), name);
        self.read.insert(name.to_owned());
        bytes
    }

    #[track_caller]
    fn document(&mut self, descriptor: &Value, media_type: &str) -> Value {
        serde_json::from_slice(&self.blob(descriptor, media_type)).expect("JSON")
    }

    /// The images, each with the name of its processor in Go. Checks everything on the way to them.
    fn images(&mut self) -> BTreeMap<String, Value> {
        assert_eq!(self.json("oci-layout"), json!({"imageLayoutVersion": "1.0.0"}));
        let top = self.json("index.json");
        let [named] = top["manifests"].as_array().expect("a list").as_slice() else { panic!("{top}") };
        assert_eq!(named["annotations"], json!({"org.opencontainers.image.ref.name": VERSION}));
        let index = self.document(named, "index.v1+json");
        assert_eq!(index["annotations"]["org.opencontainers.image.version"], VERSION);
        let mut images = BTreeMap::new();
        for descriptor in index["manifests"].as_array().expect("a list") {
            let manifest = self.document(descriptor, "manifest.v1+json");
            let config = self.document(&manifest["config"], "config.v1+json");
            for key in ["architecture", "os", "variant"] {
                assert_eq!(config[key], descriptor["platform"][key], "{key}");
            }
            assert_eq!(config["os"], "linux");
            assert_eq!(config["created"], "2023-11-14T22:13:20Z");
            assert_eq!(config["config"]["Entrypoint"], json!(["/usr/bin/dpl-lambda"]));
            assert_eq!(config["config"]["Cmd"], json!(["plugin"]));
            assert_eq!(config["config"]["Labels"], index["annotations"]);
            let architecture = config["architecture"].as_str().expect("a string").to_owned();
            images.insert(architecture, json!({"manifest": manifest, "config": config}));
        }
        images
    }

    /// Unpacks the layers of an image into a directory, and checks what is in them.
    fn unpack(&mut self, image: &Value, root: &Path) {
        let layers = image["manifest"]["layers"].as_array().expect("a list");
        let contents: [&[&str]; 2] = [&BASE, &OWN];
        assert_eq!(layers.len(), contents.len());
        for (index, (descriptor, expected)) in layers.iter().zip(contents).enumerate() {
            let mut layer = Vec::new();
            let zipped = self.blob(descriptor, "layer.v1.tar+gzip");
            GzDecoder::new(zipped.as_slice()).read_to_end(&mut layer).expect("gzip");
            let id = format!("sha256:{}", hex::encode(Sha256::digest(&layer)));
            assert_eq!(image["config"]["rootfs"]["diff_ids"][index], json!(id));
            let tar = self.directory.path().join("layer.tar");
            fs::write(&tar, layer).expect("writable");
            let listed = text(Command::new("tar").args(["--numeric-owner", "-tvf"]).arg(&tar));
            let listed: Vec<String> = listed
                .lines()
                .map(|line| {
                    let columns: Vec<&str> = line.split_whitespace().collect();
                    [&columns[..2], &columns[5..]].concat().join(" ")
                })
                .collect();
            assert_eq!(listed, expected);
            output(Command::new("tar").arg("-xf").arg(&tar).arg("-C").arg(root));
        }
    }
}

#[test]
#[ignore = "second tier: needs dpkg-deb, jq, npm and PyPI"]
fn the_image_is_a_valid_layout_for_both_processors() {
    let Some(directory) = scratch() else { return };
    let packages = packages_for_both(directory.path());
    let mut layout = Layout::of(&packages);
    let images = layout.images();
    assert_eq!(images.keys().collect::<Vec<_>>(), ["amd64", "arm64"]);
    for processor in &PROCESSORS {
        let root = directory.path().join(processor.debian);
        fs::create_dir(&root).expect("writable");
        layout.unpack(&images[processor.debian], &root);
        let program = fs::read(directory.path().join(processor.name)).expect("readable");
        assert!(fs::read(root.join("usr/bin/dpl-lambda")).expect("readable") == program);
        let certificates = fs::read_to_string(root.join("etc/ssl/certs/ca-certificates.crt")).expect("UTF-8");
        assert!(certificates.matches("-----BEGIN CERTIFICATE-----").count() > 100);
    }
    let blobs = names(&layout.directory.path().join("blobs/sha256"));
    assert_eq!(blobs, Vec::from_iter(layout.read.clone()), "every blob belongs to an image");
    let base = |name: &str| images[name]["manifest"]["layers"][0].clone();
    assert_eq!(base("amd64"), base("arm64"), "a registry keeps the certificates once");

    for tool in ["skopeo", "umoci"] {
        if !is_installed(tool) {
            return fixture::not_run(&format!("the image in other programs ({tool} is not installed)"));
        }
    }
    let image = format!("oci-archive:{}:{VERSION}", packages.join("dpl-lambda-image.tar").display());
    let index: Value =
        serde_json::from_slice(&output(Command::new("skopeo").args(["inspect", "--raw", &image])))
            .expect("JSON");
    assert_eq!(index["manifests"].as_array().map(Vec::len), Some(2));
    for processor in &PROCESSORS {
        let copy = format!("{}-copy:image", directory.path().join(processor.debian).display());
        let mut skopeo = Command::new("skopeo");
        skopeo.args(["--insecure-policy", "--override-os", "linux", "--override-arch", processor.debian]);
        output(skopeo.args(["copy", "--quiet", &image, &format!("oci:{copy}")]));
        let bundle = directory.path().join(processor.debian).join("bundle");
        output(Command::new("umoci").args(["unpack", "--rootless", "--image", &copy]).arg(&bundle));
        let program = fs::read(bundle.join("rootfs/usr/bin/dpl-lambda")).expect("readable");
        assert_eq!(program[18], processor.elf);
        let link = fs::read_link(bundle.join("rootfs/opt/resource/out")).expect("a link");
        assert_eq!(link, Path::new("/usr/bin/dpl-lambda"));
    }
}

#[test]
#[ignore = "second tier: needs dpkg-deb, jq, npm and PyPI"]
fn the_program_of_the_image_deploys() {
    let Some(directory) = scratch() else { return };
    let mut layout = Layout::of(&PACKAGES);
    let images = layout.images();
    assert_eq!(images.keys().collect::<Vec<_>>(), [processor().debian]);
    layout.unpack(&images[processor().debian], directory.path());
    deploys(&mut Command::new(directory.path().join("usr/bin/dpl-lambda")));
}
