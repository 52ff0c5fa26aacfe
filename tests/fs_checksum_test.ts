// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { crc32c } from "../fs/crc32c.ts";
import { crc64Ecma, crc64Nvme } from "../fs/crc64.ts";
import { XxHash32, xxHash32, XxHash64, xxHash64 } from "../fs/xxhash.ts";
import { xxHash3 } from "../fs/xxhash3.ts";

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

/** Bytes 3, 10, 17, ... of a length. */
function steps(byteLength: number): Uint8Array {
  return Uint8Array.from({ length: byteLength }, (_, i) => i * 7 + 3);
}

Deno.test("crc32c() has the values of RFC 3720, appendix B.4", () => {
  assertEquals(crc32c(new Uint8Array(32)), 0x8a91_36aa);
  assertEquals(crc32c(new Uint8Array(32).fill(255)), 0x62a8_ab43);
  assertEquals(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd_794e);
  assertEquals(crc32c(Uint8Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113f_db5c);
  assertEquals(crc32c(text("123456789")), 0xe306_9283);
  assertEquals(crc32c(new Uint8Array()), 0);
});

Deno.test("crc64Ecma() and crc64Nvme() have the check values of their definitions", () => {
  assertEquals(crc64Ecma(text("123456789")), 0x995d_c9bb_df19_39fan);
  assertEquals(crc64Nvme(text("123456789")), 0xae8b_1486_0a79_9888n);
  assertEquals(crc64Ecma(new Uint8Array()), 0n);
  // NVM command set specification, section 5.2.1.3.4.1: 4 KiB of zeros, and of ones.
  assertEquals(crc64Nvme(new Uint8Array(4096)), 0x6482_d367_eb22_b64en);
  assertEquals(crc64Nvme(new Uint8Array(4096).fill(255)), 0xc0dd_ba73_02ec_a3acn);
});

/** The definition, bit by bit. */
function slowCrc(bytes: Uint8Array, width: bigint, polynomial: bigint): bigint {
  const ones = (1n << width) - 1n;
  let state = ones;
  for (const byte of bytes) {
    state ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) state = (state >> 1n) ^ (state & 1n ? polynomial : 0n);
  }
  return state ^ ones;
}

Deno.test("the checks are those of their definition, at every split of the bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, at) => {
    const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
    assertEquals(BigInt(crc32c(bytes)), slowCrc(bytes, 32n, 0x82f6_3b78n));
    assertEquals(crc64Ecma(bytes), slowCrc(bytes, 64n, 0xc96c_5795_d787_0f42n));
    assertEquals(crc64Nvme(bytes), slowCrc(bytes, 64n, 0x9a6c_9329_ac4b_c9b5n));
    assertEquals(crc32c(tail, crc32c(head)), crc32c(bytes));
    assertEquals(crc64Ecma(tail, crc64Ecma(head)), crc64Ecma(bytes));
  }));
});

Deno.test("crc32c() takes bytes of any length", () => {
  const bytes = steps(200_000);
  let parts = 0;
  for (let at = 0; at < bytes.length; at += 777) {
    parts = crc32c(bytes.subarray(at, at + 777), parts);
  }
  assertEquals(crc32c(bytes), parts);
  assertEquals(BigInt(parts), slowCrc(bytes, 32n, 0x82f6_3b78n));
});

// Data: the values of the reference implementation (the package python-xxhash) for steps(length),
// with the seeds 0 and 0x9e3779b1.
// deno-fmt-ignore
const XXHASH_VECTORS: readonly (readonly [length: number, xxh32: number[], xxh64: bigint[], xxh3: bigint[]])[] = [
  [0, [0x02cc_5d05, 0x36b7_8ae7], [0xef46_db37_51d8_e999n, 0xac75_fda2_929b_17efn], [0x2d06_8005_38d3_94c2n, 0xf702_ca38_14de_2125n]],
  [1, [0x21ae_663a, 0x99ba_fee8], [0x1f25_c8d0_bc1f_4bb6n, 0x79cf_94f5_ace3_7fe1n], [0x13e6_08bc_156d_efedn, 0x1e9d_be15_a89a_7959n]],
  [2, [0xf351_5d75, 0x8c90_0dfc], [0xf5be_dec2_3270_6303n, 0x457e_e044_e833_4447n], [0x1c90_74b9_3943_b86cn, 0x7d64_dfb7_3a18_e60bn]],
  [3, [0xcd3d_2242, 0x51c5_7254], [0x31d2_363f_52e5_64c9n, 0x96d2_a5e5_83dd_d738n], [0xa908_8dda_485b_481cn, 0x16ad_8d81_9b71_43c0n]],
  [4, [0x7254_79f2, 0xf952_8875], [0x9bb6_4b7d_66ee_9fdan, 0x4a86_2fbb_4b73_776en], [0x6d92_53b1_6c8b_1ed3n, 0x120a_b394_2a6a_d13an]],
  [7, [0xf3a9_0eb0, 0x4f94_7b46], [0x9a7b_1499_59ce_60d8n, 0xddc5_cf71_d37a_6368n], [0x8e82_91ad_8912_7e2en, 0xf3db_f8d1_7cec_5d88n]],
  [8, [0x29b5_025a, 0x86e3_dedf], [0xdab9_9d95_c6f9_0092n, 0xc6e7_5e2c_bd8e_07een], [0x6053_9db6_3047_1163n, 0x6f78_1212_4f2d_18fen]],
  [9, [0xd828_6c54, 0xc00f_87da], [0x170b_b6bf_975b_4c02n, 0x3a3e_0f8c_e693_f786n], [0xfeff_6683_61d7_23a8n, 0xcd8d_558c_12e9_c08cn]],
  [15, [0x82d3_c84d, 0x321e_160f], [0x1b47_cb82_43cc_8e32n, 0x8120_a1ed_a8ac_77dan], [0x9ec1_69f4_a982_31c1n, 0x0dd1_5c0c_f2c6_757fn]],
  [16, [0x8845_547d, 0xd392_828c], [0x4348_5023_2b78_7be2n, 0x17f3_87ce_3088_5de5n], [0xb8c8_59b0_f030_b585n, 0x1dc0_6c1d_c300_e615n]],
  [17, [0x450e_5f84, 0x6517_2c35], [0x1efa_7025_f1b9_7a7an, 0x8fd4_1ade_5873_6837n], [0x714a_0440_8e79_b80fn, 0x956e_df66_0beb_126en]],
  [31, [0x1f73_d3c7, 0x5446_2da7], [0xa2aa_5f33_cc4a_6119n, 0x3818_22f3_3376_d6b6n], [0xed41_ac28_3d06_74b3n, 0xdee8_70bb_05f1_dc65n]],
  [32, [0xe988_ccb7, 0x9537_b9d6], [0x23c3_c17e_f790_fd97n, 0x9abd_3154_70ac_276an], [0x19ff_4ee1_d6ba_1a55n, 0x1a2e_0937_5cbb_4aa8n]],
  [33, [0x94f5_36d5, 0x9527_373f], [0x50a7_cfc7_ba58_8784n, 0x72cd_d326_2f46_7933n], [0x3e44_983a_d216_79c8n, 0xcabf_e4af_b2b4_b6efn]],
  [47, [0x6dbb_ffba, 0xa874_b9be], [0xa7c5_465c_c5ad_205en, 0xeb34_8681_9875_2778n], [0x5ebb_1427_dd1d_220dn, 0xd405_cbcc_6ef8_5f53n]],
  [63, [0x0bed_c2f7, 0xa484_df78], [0x5e3e_54b4_31c7_493cn, 0x634d_a7d2_6597_9e61n], [0x1353_bea3_d0eb_f7e1n, 0xb65b_bcef_66e3_91a8n]],
  [64, [0xecd2_ac44, 0x5049_438a], [0x0eb6_4b3e_f6ee_b01fn, 0xbcb3_847d_7052_5180n], [0x287e_b1fa_9e4b_e2c1n, 0x36f5_3e94_9e15_1f9fn]],
  [65, [0xc042_8c29, 0xeaaa_c7a2], [0xa383_b724_b2bd_12f1n, 0x97f9_d8f9_9671_9021n], [0x8292_18de_4d79_8646n, 0x1d0b_9dfa_7c48_cbaan]],
  [96, [0x4716_1267, 0x12b8_077d], [0x3101_a958_de58_2e18n, 0xe436_9239_d5a2_d716n], [0xf084_e7cf_bc62_4743n, 0x21f8_65d9_b267_941an]],
  [97, [0x87f6_ee9e, 0xdee2_5e37], [0xb2b3_f990_2ec2_efbdn, 0x2ceb_f256_7f3b_b11en], [0x1daa_8327_1a8e_7b7cn, 0xbb07_674f_a0aa_07b6n]],
  [100, [0x7309_1a4d, 0x037b_139b], [0xa61f_8d4c_170f_e531n, 0x86f5_49ed_e5ac_87e2n], [0xb593_7857_f0d7_8c9fn, 0x2871_524b_31c9_5e75n]],
  [128, [0x4a61_f5b0, 0xd4cc_4715], [0x46fb_cfbf_0150_793fn, 0x9cd2_5e05_dc8f_efa9n], [0x6742_5a03_6502_61bfn, 0xb1bc_5620_9a07_a5b2n]],
  [129, [0x8491_ee68, 0x3817_5d07], [0x3eb5_d118_151c_8303n, 0x668f_6cc8_a3f1_2571n], [0xc664_bf33_11c6_abc4n, 0x8502_9e87_56c1_5fc8n]],
  [144, [0x69c1_88e5, 0x1034_45f1], [0xb3e2_fe05_c5ca_c608n, 0xdf16_1a32_4d82_4becn], [0x606a_17fa_700b_b932n, 0xdee1_cabf_9b0e_9c11n]],
  [239, [0x4c37_d8f8, 0x6fc4_b768], [0x6416_37c9_db57_f1f2n, 0xd92f_94c4_a6c7_324bn], [0x1d86_1931_c1f3_cafan, 0x3ee7_9dab_facd_de19n]],
  [240, [0x6342_4396, 0x3b0a_c4b2], [0x4256_2f61_ef11_b5aen, 0x506e_9653_a725_1627n], [0x6455_6dc6_b462_a6cfn, 0x747c_d156_c9e6_06c6n]],
  [241, [0x607a_9c5f, 0x30db_9362], [0x07cf_94f8_eba1_11b5n, 0xde8a_1a10_f77f_cbf1n], [0x8bea_dd3a_8874_fe17n, 0x8f46_c475_df93_6767n]],
  [256, [0x85ba_a5f7, 0x7fd6_1d4c], [0x00cf_c520_7dd8_e201n, 0x7444_dee7_8e7e_31b7n], [0x3c38_817f_6d79_c0dan, 0x54b3_62bb_07bc_c3c4n]],
  [1000, [0xc85a_5152, 0x6ac0_851c], [0x5f23_5fa0_33f1_a3fbn, 0x8308_0310_ee83_cc20n], [0x6c4f_14bd_97bd_9e82n, 0xecf7_4ad7_ba7c_0100n]],
  [1024, [0x7d0e_af57, 0x83e5_154c], [0xe681_6a6e_134b_7a33n, 0x8b5a_56e7_8a9c_b16en], [0x9b81_661c_641c_72b1n, 0xbe05_6777_7fce_6a55n]],
  [1025, [0xecaf_bf6d, 0xf517_c776], [0x6385_e212_50a7_35can, 0xc412_334d_3222_5352n], [0x806c_2072_ed71_3576n, 0x38cc_3bfe_6393_4c0an]],
  [2048, [0x64e3_bd09, 0x9ba9_33d2], [0x6307_1ecf_f231_eb40n, 0xaef8_b5ad_3f23_c681n], [0xabe6_0481_3ba6_2ed1n, 0x527e_5965_2297_58efn]],
  [65536, [0x1055_4e0d, 0x73f9_76f0], [0x2c8c_45ae_2313_f2een, 0x6eb1_865c_9c17_eab0n], [0x5d03_b43b_14c7_5500n, 0x435f_ad04_469b_bd56n]],
  [100001, [0x5e05_6127, 0x5655_c56a], [0x5d50_fbd1_3ca3_e69bn, 0xe19a_7e74_682e_6f2cn], [0x89c6_5a89_3252_72f0n, 0xfe6d_23cc_0b0a_bb59n]],
];

Deno.test("xxHash32(), xxHash64() and xxHash3() have the values of the reference", () => {
  for (const [length, narrow, wide, third] of XXHASH_VECTORS) {
    const bytes = steps(length);
    assertEquals([xxHash32(bytes), xxHash32(bytes, 0x9e37_79b1)], narrow, `${length} bytes`);
    assertEquals([xxHash64(bytes), xxHash64(bytes, 0x9e37_79b1n)], wide, `${length} bytes`);
    assertEquals([xxHash3(bytes), xxHash3(bytes, 0x9e37_79b1n)], third, `${length} bytes`);
  }
});

Deno.test("XxHash32 and XxHash64 give the same for bytes that come in parts", () => {
  const parts = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 10 });
  fc.assert(fc.property(parts, (parts) => {
    const [narrow, wide] = [new XxHash32(1), new XxHash64(1n)];
    const whole = new Uint8Array(parts.flatMap((part) => [...part]));
    let at = 0;
    for (const part of parts) {
      narrow.update(part);
      wide.update(part);
      at += part.length;
      // Asking changes nothing.
      assertEquals(narrow.digest(), xxHash32(whole.subarray(0, at), 1));
    }
    assertEquals(wide.digest(), xxHash64(whole, 1n));
  }));
  const bytes = steps(200_001);
  const hash = new XxHash64();
  for (let at = 0; at < bytes.length; at += 70_000) hash.update(bytes.subarray(at, at + 70_000));
  assertEquals(hash.digest(), xxHash64(bytes));
});
