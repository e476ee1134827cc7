//! Where steps stand after they moved.

use datlake::{Result, file_creator};
