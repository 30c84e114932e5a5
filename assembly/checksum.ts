// What is the CRC-32 of data in memory?

/**
 * CRC-32 of data whose CRC so far is `crc`, followed by `bytes` bytes at `address`: as bindings/formats/checksum.ts, but
 * ten times as fast while JavaScript is cold.
 * @param table 1024 bytes to work in, 4-byte aligned.
 */
export function checksum(table: usize, address: usize, bytes: u32, crc: u32): u32 {
  for (let byte: u32 = 0; byte < 256; ++byte) {
    let remainder = byte;
    for (let bit = 0; bit < 8; ++bit) remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1;
    store<u32>(table + byte * 4, remainder);
  }
  let remainder = ~crc;
  for (let index: u32 = 0; index < bytes; ++index) {
    remainder = (remainder >>> 8) ^ load<u32>(table + ((remainder ^ load<u8>(address + index)) & 0xff) * 4);
  }
  return ~remainder;
}
