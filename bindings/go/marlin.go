package awqmarlin

// #include <awq_marlin.h>
import "C"

// The building blocks of repacking, for hosts that have functions of the same shape. Words are int32, little-endian, in
// byte slices; in and out have the sizes that the C header states and do not overlap.

// MarlinGroupSizes are the group sizes that Marlin kernels everywhere take as they are.
func MarlinGroupSizes() ([]int64, error) {
	var count C.size_t
	if err := call(func() C.awqm_status { return C.awqm_marlin_group_sizes(nil, 0, &count) }); err != nil {
		return nil, err
	}
	sizes := make([]int64, count)
	err := call(func() C.awqm_status { return C.awqm_marlin_group_sizes((*C.int64_t)(pointer(sizes)), count, &count) })
	return sizes, err
}

// MarlinScalePermutation is Marlin's order of scales: permuted[L*b+i] = plain[L*b+table[i]].
func MarlinScalePermutation(grouped bool) ([]uint32, error) {
	var count C.size_t
	flag := C.int32_t(FlagOf(grouped))
	if err := call(func() C.awqm_status { return C.awqm_marlin_scale_permutation(flag, nil, 0, &count) }); err != nil {
		return nil, err
	}
	table := make([]uint32, count)
	err := call(func() C.awqm_status {
		return C.awqm_marlin_scale_permutation(flag, (*C.uint32_t)(pointer(table)), count, &count)
	})
	return table, err
}

// MarlinWorkspaceBytes is the workspace that today's Marlin kernels of vLLM and its relatives want.
func MarlinWorkspaceBytes(n int64, multiprocessors int) (int, error) {
	var bytes C.size_t
	err := call(func() C.awqm_status {
		return C.awqm_marlin_workspace_bytes(C.int64_t(n), C.uint32_t(multiprocessors), &bytes)
	})
	return int(bytes), err
}

// MarlinPermuteScales puts scales (G, N) into Marlin's order.
func MarlinPermuteScales(scales, out []byte, dtype DType, k, n, groupSize int64) error {
	if err := same(scales, out); err != nil {
		return err
	}
	return call(func() C.awqm_status {
		return C.awqm_marlin_permute_scales(pointer(scales), pointer(out), C.size_t(len(scales)), C.awqm_dtype(dtype),
			C.int64_t(k), C.int64_t(n), C.int64_t(groupSize))
	})
}

// MarlinPermuteBias puts a bias (N) into the order in which Marlin kernels read it.
func MarlinPermuteBias(bias, out []byte, dtype DType, n int64) error {
	if err := same(bias, out); err != nil {
		return err
	}
	return call(func() C.awqm_status {
		return C.awqm_marlin_permute_bias(pointer(bias), pointer(out), C.size_t(len(bias)), C.awqm_dtype(dtype), C.int64_t(n))
	})
}

// PackColumns packs codes (rows, columns), one a byte, to words, the first column in the lowest bits.
func PackColumns(codes []uint8, rows, columns int64, bits int, out []byte) error {
	return call(func() C.awqm_status {
		return C.awqm_pack_columns((*C.uint8_t)(pointer(codes)), C.size_t(len(codes)), C.int64_t(rows), C.int64_t(columns),
			C.uint32_t(bits), pointer(out), C.size_t(len(out)))
	})
}

// UnpackColumns is the inverse of PackColumns.
func UnpackColumns(words []byte, rows, columns int64, bits int, out []uint8) error {
	return call(func() C.awqm_status {
		return C.awqm_unpack_columns(pointer(words), C.size_t(len(words)), C.int64_t(rows), C.int64_t(columns),
			C.uint32_t(bits), (*C.uint8_t)(pointer(out)), C.size_t(len(out)))
	})
}

// MarlinZeroPoints packs zero points (G, N), one a byte, to Marlin's words.
func MarlinZeroPoints(zeros []uint8, groups, n int64, bits int, out []byte) error {
	return call(func() C.awqm_status {
		return C.awqm_marlin_zero_points((*C.uint8_t)(pointer(zeros)), C.size_t(len(zeros)), C.int64_t(groups), C.int64_t(n),
			C.uint32_t(bits), pointer(out), C.size_t(len(out)))
	})
}

// AWQToMarlinZeroPoints turns qzeros of the AWQ gemm layout into Marlin's.
func AWQToMarlinZeroPoints(qzeros, out []byte, groups, n int64, bits int) error {
	if err := same(qzeros, out); err != nil {
		return err
	}
	return call(func() C.awqm_status {
		return C.awqm_awq_to_marlin_zero_points(pointer(qzeros), pointer(out), C.size_t(len(qzeros)), C.int64_t(groups),
			C.int64_t(n), C.uint32_t(bits))
	})
}

// AWQMarlinRepack turns qweight of the AWQ gemm layout into Marlin's. The device, whose threads work, may be nil.
func AWQMarlinRepack(qweight, out []byte, k, n int64, bits int, device *Device) error {
	if err := same(qweight, out); err != nil {
		return err
	}
	return withDevice(device, func(device *C.awqm_device) error {
		return call(func() C.awqm_status {
			return C.awqm_awq_marlin_repack(pointer(qweight), pointer(out), C.size_t(len(qweight)), C.int64_t(k), C.int64_t(n),
				C.uint32_t(bits), device)
		})
	})
}

// GPTQMarlinRepack is AWQMarlinRepack from the GPTQ layout without act-order.
func GPTQMarlinRepack(qweight, out []byte, k, n int64, bits int, device *Device) error {
	if err := same(qweight, out); err != nil {
		return err
	}
	return withDevice(device, func(device *C.awqm_device) error {
		return call(func() C.awqm_status {
			return C.awqm_gptq_marlin_repack(pointer(qweight), pointer(out), C.size_t(len(qweight)), C.int64_t(k),
				C.int64_t(n), C.uint32_t(bits), device)
		})
	})
}

// same guards functions that take one size for two buffers.
func same(in, out []byte) error {
	if len(in) == len(out) {
		return nil
	}
	return &Error{StatusInvalidArgument, "input and output must have the same number of bytes"}
}
