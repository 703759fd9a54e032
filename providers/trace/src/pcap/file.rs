//! The pcapng file format: one section, one interface of raw IP packets, times in nanoseconds.

use std::time::Duration;

const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
/// Packets begin with their IP header.
const LINKTYPE_RAW: u16 = 101;
const OPTION_USER_APPLICATION: u16 = 4;
const OPTION_NAME: u16 = 2;
const OPTION_TIME_RESOLUTION: u16 = 9;
/// Ten to the minus ninth of a second.
const NANOSECONDS: u8 = 9;

/// The beginning of a file.
pub fn header() -> Vec<u8> {
    let mut section = Vec::new();
    section.extend(0x1A2B_3C4Du32.to_le_bytes());
    section.extend(1u16.to_le_bytes());
    section.extend(0u16.to_le_bytes());
    // The length of the section is not known.
    section.extend(u64::MAX.to_le_bytes());
    option(&mut section, OPTION_USER_APPLICATION, b"Windlass");
    end_of_options(&mut section);

    let mut interface = Vec::new();
    interface.extend(LINKTYPE_RAW.to_le_bytes());
    interface.extend(0u16.to_le_bytes());
    // No limit to the length of a packet.
    interface.extend(0u32.to_le_bytes());
    option(&mut interface, OPTION_NAME, b"winsock");
    option(&mut interface, OPTION_TIME_RESOLUTION, &[NANOSECONDS]);
    end_of_options(&mut interface);

    let mut file = block(SECTION_HEADER, &section);
    file.extend(block(INTERFACE_DESCRIPTION, &interface));
    file
}

/// A packet; the time is since 1970.
pub fn packet(time: Duration, bytes: &[u8]) -> Vec<u8> {
    let nanos = time.as_nanos() as u64;
    let mut body = Vec::with_capacity(20 + bytes.len() + 3);
    body.extend(0u32.to_le_bytes());
    body.extend(((nanos >> 32) as u32).to_le_bytes());
    body.extend((nanos as u32).to_le_bytes());
    body.extend((bytes.len() as u32).to_le_bytes());
    body.extend((bytes.len() as u32).to_le_bytes());
    body.extend(bytes);
    pad(&mut body);
    block(ENHANCED_PACKET, &body)
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = (12 + body.len()) as u32;
    let mut block = Vec::with_capacity(length as usize);
    block.extend(kind.to_le_bytes());
    block.extend(length.to_le_bytes());
    block.extend(body);
    block.extend(length.to_le_bytes());
    block
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    pad(body);
}

fn end_of_options(body: &mut Vec<u8>) {
    body.extend([0; 4]);
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}
