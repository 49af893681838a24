/* A kernel that only reads memory, for the roof; as PTX, so that it needs no compiler. */
#ifndef GPU_READ_PTX_H
#define GPU_READ_PTX_H

/* Reads `count` pieces of 16 bytes, a multiple of four times the grid's threads, and keeps nothing. */
static const char READ_PTX[] = ".version 6.4\n"
                               ".target sm_75\n"
                               ".address_size 64\n"
                               ".visible .entry read_all(.param .u64 from, .param .u64 count, .param .u64 sink)\n"
                               "{\n"
                               "  .reg .pred %p<3>;\n"
                               "  .reg .b32 %r<24>;\n"
                               "  .reg .b64 %rd<16>;\n"
                               "  ld.param.u64 %rd1, [from];\n"
                               "  ld.param.u64 %rd2, [count];\n"
                               "  ld.param.u64 %rd3, [sink];\n"
                               "  cvta.to.global.u64 %rd1, %rd1;\n"
                               "  cvta.to.global.u64 %rd3, %rd3;\n"
                               "  mov.u32 %r1, %ctaid.x;\n"
                               "  mov.u32 %r2, %ntid.x;\n"
                               "  mov.u32 %r3, %tid.x;\n"
                               "  mov.u32 %r4, %nctaid.x;\n"
                               "  cvt.u64.u32 %rd4, %r3;\n"
                               "  mul.wide.u32 %rd5, %r1, %r2;\n"
                               "  add.s64 %rd5, %rd5, %rd4;\n"    /* this thread's piece */
                               "  mul.wide.u32 %rd6, %r4, %r2;\n" /* threads of the grid */
                               "  shl.b64 %rd7, %rd6, 4;\n"       /* the same in bytes */
                               "  shl.b64 %rd8, %rd6, 2;\n"       /* pieces of a step */
                               "  mov.u32 %r5, 0;\n"
                               "STEP:\n"
                               "  setp.ge.u64 %p1, %rd5, %rd2;\n"
                               "  @%p1 bra DONE;\n"
                               "  shl.b64 %rd9, %rd5, 4;\n"
                               "  add.s64 %rd10, %rd1, %rd9;\n"
                               "  add.s64 %rd11, %rd10, %rd7;\n"
                               "  add.s64 %rd12, %rd11, %rd7;\n"
                               "  add.s64 %rd13, %rd12, %rd7;\n"
                               "  ld.global.nc.v4.u32 {%r6, %r7, %r8, %r9}, [%rd10];\n"
                               "  ld.global.nc.v4.u32 {%r10, %r11, %r12, %r13}, [%rd11];\n"
                               "  ld.global.nc.v4.u32 {%r14, %r15, %r16, %r17}, [%rd12];\n"
                               "  ld.global.nc.v4.u32 {%r18, %r19, %r20, %r21}, [%rd13];\n"
                               "  xor.b32 %r5, %r5, %r6;\n  xor.b32 %r5, %r5, %r7;\n"
                               "  xor.b32 %r5, %r5, %r8;\n  xor.b32 %r5, %r5, %r9;\n"
                               "  xor.b32 %r5, %r5, %r10;\n  xor.b32 %r5, %r5, %r11;\n"
                               "  xor.b32 %r5, %r5, %r12;\n  xor.b32 %r5, %r5, %r13;\n"
                               "  xor.b32 %r5, %r5, %r14;\n  xor.b32 %r5, %r5, %r15;\n"
                               "  xor.b32 %r5, %r5, %r16;\n  xor.b32 %r5, %r5, %r17;\n"
                               "  xor.b32 %r5, %r5, %r18;\n  xor.b32 %r5, %r5, %r19;\n"
                               "  xor.b32 %r5, %r5, %r20;\n  xor.b32 %r5, %r5, %r21;\n"
                               "  add.s64 %rd5, %rd5, %rd8;\n"
                               "  bra STEP;\n"
                               "DONE:\n"
                               "  setp.ne.u32 %p2, %r5, 1540483477;\n"
                               "  @%p2 bra END;\n"
                               "  st.global.u32 [%rd3], %r5;\n"
                               "END:\n"
                               "  ret;\n"
                               "}\n";

#endif
