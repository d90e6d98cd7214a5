//! Flows in files. Whenever the program or the machine dies, a file holds a complete flow: the previous one or the new
//! one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use fs4::fs_std::FileExt;
use twilio_payments::PaymentFlow;

/// The file of one flow.
pub(crate) struct FlowFile {
    path: PathBuf,
    /// The revision that was loaded or stored last. The file must not have another one when a flow is stored.
    revision: Option<u64>,
}

impl FlowFile {
    /// The file of a flow in an existing folder. `name` must be letters, digits and hyphens.
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        Self { path: folder.join(format!("{name}.json")), revision: None }
    }

    /// Loads the flow that was stored last; `None` if none was.
    pub(crate) fn load(&mut self) -> io::Result<Option<PaymentFlow>> {
        let flow = read(&self.path)?;
        self.revision = flow.as_ref().map(PaymentFlow::revision);
        Ok(flow)
    }

    /// Replaces the flow that was loaded or stored last.
    ///
    /// Fails with `AlreadyExists` if another process has stored the flow since then, so that two processes that loaded
    /// the same flow cannot both continue it.
    pub(crate) fn store(&mut self, flow: &PaymentFlow) -> io::Result<()> {
        // Held only to compare and replace. The system releases the lock if the process dies.
        let lock = private().create(true).truncate(false).open(self.path.with_extension("lock"))?;
        lock.lock_exclusive()?;
        if read(&self.path)?.map(|flow| flow.revision()) != self.revision {
            return Err(io::Error::new(ErrorKind::AlreadyExists, "another process has stored this flow"));
        }
        let temporary = self.path.with_extension("new");
        let mut file = private().create(true).truncate(true).open(&temporary)?;
        file.write_all(&serde_json::to_vec(flow)?)?;
        file.sync_all()?;
        fs::rename(&temporary, &self.path)?;
        // Makes the new name in the folder durable.
        #[cfg(unix)]
        File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
        self.revision = Some(flow.revision());
        Ok(())
    }
}

fn read(path: &Path) -> io::Result<Option<PaymentFlow>> {
    match File::open(path) {
        Ok(file) => Ok(Some(serde_json::from_reader(io::BufReader::new(file))?)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Options for files that no other user may read, because a flow that has ended can hold a token.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
