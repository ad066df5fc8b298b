//! One relay per folder: two on the same files would put back each other's offsets and drop each
//! other's pauses. The lock ends with its process, however that ends. Blocks.

use std::{
    fs::{self, File, TryLockError},
    path::Path,
};

use super::file::remove_leftovers;

const NAME: &str = "lock";

/// Takes the folder of a topic for as long as the file lives, and removes what killed writes left in it:
/// without the lock that may be of a process that is alive.
pub(super) fn claim(folder: &Path) -> Result<File, TryLockError> {
    fs::create_dir_all(folder).map_err(TryLockError::Error)?;
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(folder.join(NAME))
        .map_err(TryLockError::Error)?;
    file.try_lock()?;
    remove_leftovers(folder);
    Ok(file)
}
