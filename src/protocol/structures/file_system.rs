//! The map of one file system in `file_system_configs`. Knows no other file system of the list.

use crate::protocol::keys::structure;
use crate::protocol::schema_types::Text;
use crate::protocol::stanza_reader::ValueWords;

const DIRECT_READS: ValueWords = &[
    ("AUTO", "Read from the bucket if the function has at least 512 MB of memory."),
    ("ENABLED", "Always read from the bucket."),
    ("DISABLED", "Always read through the file system."),
];

structure! {
    /// A file system that is mounted in the function.
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub struct FileSystemConfig in "file_system_configs." {
        /// ARN of the access point, of EFS or of S3 Files, such as
        /// `arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0`. Required.
        pub arn: String as Text = needed_name(),
            "Access point ARN"
                .example(
                    "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0",
                )
                => "FileSystemConfigs.Arn" of UpdateFunctionConfiguration;
        /// Directory below `/mnt/` where the function sees the file system, such as `/mnt/data`. Required.
        pub local_mount_path: String as Text = needed_name(),
            "Mount path".example("/mnt/data")
                => "FileSystemConfigs.LocalMountPath" of UpdateFunctionConfiguration;
        /// Whether the function reads from the S3 bucket instead of the file system: `AUTO`, `ENABLED` or
        /// `DISABLED`. Only for an access point of S3 Files. AWS default: `AUTO`.
        pub direct_s3_read: Option<String> as Option<Text> = word_or_first(DIRECT_READS),
            "Direct reads from S3"
                => "FileSystemConfigs.S3FilesConfig.DirectS3Read" of UpdateFunctionConfiguration;
    }
}
