//! A wire between a client and a server of the sandbox, which notes every byte that the client sends.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// The wire. It is cut when the test's runtime ends.
pub struct Wire {
    /// The client's end, `http://127.0.0.1:PORT`.
    pub url: String,
    sent: Arc<Mutex<Vec<u8>>>,
}

impl Wire {
    /// A wire to the server at `url`.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn to(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let own = format!("http://{}", listener.local_addr().expect("an address"));
        let server = url.trim_start_matches("http://").to_owned();
        let sent = Arc::new(Mutex::new(Vec::new()));
        let notes = sent.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&server).await else { break };
                let ((from_client, mut to_client), (mut from_server, to_server)) =
                    (client.into_split(), server.into_split());
                tokio::spawn(noted(from_client, to_server, notes.clone()));
                tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
            }
        });
        Self { url: own, sent }
    }

    /// The lines that clients have sent since the last look, as far as they are text.
    pub fn lines(&self) -> Vec<String> {
        let sent = std::mem::take(&mut *self.sent.lock().unwrap_or_else(PoisonError::into_inner));
        String::from_utf8_lossy(&sent).split("\r\n").map(str::to_owned).collect()
    }
}

/// Notes what goes through before it is passed on: an answer never comes before the note.
async fn noted(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, notes: Arc<Mutex<Vec<u8>>>) {
    let mut bytes = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        notes.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&bytes[..count]);
        if to.write_all(&bytes[..count]).await.is_err() {
            break;
        }
    }
}
