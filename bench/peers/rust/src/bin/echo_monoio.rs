// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//! Echo server on monoio, one thread, on io_uring and nothing else: without it the start fails.

use monoio::buf::IoBuf;
use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::{TcpListener, TcpStream};
use std::io::Result;

const BUFFER_BYTES: usize = 64 * 1024;

fn main() -> Result<()> {
    monoio::RuntimeBuilder::<monoio::IoUringDriver>::new()
        .build()?
        .block_on(serve())
}

async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening {}", listener.local_addr()?.port());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        monoio::spawn(echo(stream));
    }
}

async fn echo(mut stream: TcpStream) -> Result<()> {
    let mut buffer: Vec<u8> = Vec::with_capacity(BUFFER_BYTES);
    loop {
        let (read, filled) = stream.read(buffer).await;
        let length = read?;
        if length == 0 {
            return Ok(());
        }
        let (written, slice) = stream.write_all(filled.slice(..length)).await;
        written?;
        buffer = slice.into_inner();
        buffer.clear();
    }
}
