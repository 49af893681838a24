package awqmarlin

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestVersions(t *testing.T) {
	if LibraryVersion() != Version || LibraryABIVersion() != ABIVersion {
		t.Fatalf("library %d with ABI %d, header %d with ABI %d", LibraryVersion(), LibraryABIVersion(), Version, ABIVersion)
	}
	if VersionString() == "" || BuildInfo() == "" {
		t.Fatal("no version or build info")
	}
}

func TestEveryQuantizedLayerRepacksToMarlin(t *testing.T) {
	checkpoint := open(t)
	layers := 0
	for name, want := range expected(t) {
		packed, err := checkpoint.Load([]string{name}, LoadOptions{Layout: LayoutMarlin})
		ok(t, err)
		for role, key := range map[Role]string{RoleQWeight: "qweight", RoleScales: "scales", RoleQZeros: "qzeros"} {
			tensor, err := packed.Tensor(role)
			ok(t, err)
			if digest(tensor.Data) != want.Marlin[key] {
				t.Errorf("%s.%s is not the Marlin tensor of the fixture", name, key)
			}
		}
		packed.Close()
		layers++
	}
	if layers != 12 {
		t.Fatalf("%d layers", layers)
	}
}

func TestRepackIntoOwnBuffers(t *testing.T) {
	checkpoint := open(t)
	info, _, err := checkpoint.Layer(layerName)
	ok(t, err)
	tensor := func(suffix string) []byte {
		tensor, err := checkpoint.Tensor(layerName + suffix)
		ok(t, err)
		return tensor.Data
	}
	desc := LayerDesc{K: info.K, N: info.N, Bits: info.Bits, ZeroPoint: info.ZeroPoint, GroupSize: info.GroupSize,
		Layout: info.Layout, ScaleDType: info.ScaleDType}
	in := LayerTensors{QWeight: tensor(".qweight"), Scales: tensor(".scales"), QZeros: tensor(".qzeros")}
	sizes, err := QueryRepack(desc, LayoutMarlin)
	ok(t, err)
	out := RepackOutput{make([]byte, sizes.QWeightBytes), make([]byte, sizes.ScalesBytes), make([]byte, sizes.QZerosBytes)}
	ok(t, Repack(desc, in, LayoutMarlin, out, nil))
	want := expected(t)[layerName].Marlin
	if digest(out.QWeight) != want["qweight"] || digest(out.Scales) != want["scales"] || digest(out.QZeros) != want["qzeros"] {
		t.Fatal("not the Marlin tensors of the fixture")
	}

	// The same by building blocks, and by a packed layer of the caller's memory.
	words := make([]byte, len(in.QWeight))
	ok(t, AWQMarlinRepack(in.QWeight, words, info.K, info.N, 4, nil))
	zeros := make([]byte, len(in.QZeros))
	ok(t, AWQToMarlinZeroPoints(in.QZeros, zeros, info.K/info.GroupSize, info.N, 4))
	scales := make([]byte, len(in.Scales))
	ok(t, MarlinPermuteScales(in.Scales, scales, F16, info.K, info.N, info.GroupSize))
	if digest(words) != want["qweight"] || digest(zeros) != want["qzeros"] || digest(scales) != want["scales"] {
		t.Fatal("the building blocks give something else")
	}
	packed, err := NewPacked(desc, in)
	ok(t, err)
	defer packed.Close()
	marlin, err := packed.Convert(LayoutMarlin, nil)
	ok(t, err)
	defer marlin.Close()
	qweight, err := marlin.Tensor(RoleQWeight)
	ok(t, err)
	if digest(qweight.Data) != want["qweight"] {
		t.Fatal("Convert gives something else")
	}
	lend := func(suffix string) Tensor {
		tensor, err := checkpoint.Tensor(layerName + suffix)
		ok(t, err)
		return tensor
	}
	lent, err := LendPacked(desc, lend(".qweight"), lend(".scales"), lend(".qzeros"), Tensor{})
	ok(t, err)
	defer lent.Close()
	mine, err := lent.Tensor(RoleQWeight)
	ok(t, err)
	if &mine.Data[0] != &in.QWeight[0] {
		t.Fatal("lent weights were copied")
	}
	if _, err := LendPacked(desc, Tensor{Data: words}, Tensor{}, Tensor{}, Tensor{}); !errors.Is(err, StatusInvalidArgument) {
		t.Fatal("Go's own memory was lent")
	}
	if _, err := marlin.Tensor(RoleBias); !errors.Is(err, StatusNotFound) {
		t.Fatal(err)
	}

	file := filepath.Join(t.TempDir(), "layer.safetensors")
	ok(t, marlin.Save(file, "layer"))
	again, err := LoadPacked(file, "layer")
	ok(t, err)
	defer again.Close()
	if saved, err := again.Tensor(RoleQWeight); err != nil || digest(saved.Data) != want["qweight"] {
		t.Fatal(err, "Save and LoadPacked change the layer")
	}
}

func TestRun(t *testing.T) {
	checkpoint := open(t)
	want := expected(t)[layerName]
	x, y := inputAndOutput(t, want)
	// README: ten lines of use
	cpu, err := NewCPU(CPUOptions{})
	ok(t, err)
	defer cpu.Close()
	packed, err := checkpoint.Load([]string{layerName}, LoadOptions{Device: cpu})
	ok(t, err)
	layer, err := NewLinear(cpu, packed, LinearOptions{})
	ok(t, err)
	defer layer.Close()
	packed.Close() // the layer keeps what it needs
	bytes, err := layer.WorkspaceBytes(2, F16)
	ok(t, err)
	workspace, out := make([]byte, bytes), make([]float32, 2*want.N)
	ok(t, Run(layer, x, out, 2, workspace))
	ok(t, near(out, y))

	// Rows further apart, one result for each row.
	wide := make([]float32, 3*want.N)
	ok(t, RunStrided(layer, x, 0, wide, 2*int(want.N), 2, workspace))
	ok(t, near(append(append([]float32{}, wide[:want.N]...), wide[2*want.N:]...), y))

	info, err := layer.Info()
	ok(t, err)
	if info.K != want.K || info.N != want.N || info.Backend != BackendCPU || info.Layout != LayoutCPU {
		t.Fatalf("%+v", info)
	}
	dense := make([]float32, want.K*want.N)
	source, err := checkpoint.Load([]string{layerName}, LoadOptions{Layout: LayoutMarlin})
	ok(t, err)
	defer source.Close()
	ok(t, Dequantize(source, dense, cpu))
	sum := 0.0
	for _, v := range dense {
		sum += float64(v)
	}
	ones := make([]float32, want.K)
	for i := range ones {
		ones[i] = 1
	}
	ok(t, Run(layer, ones, out[:want.N], 1, workspace))
	for _, v := range out[:want.N] {
		sum -= float64(v)
	}
	if sum > 1e-2 || sum < -1e-2 {
		t.Fatalf("the sum of the weights and that of a product with ones differ by %g", sum)
	}
}

func TestPlan(t *testing.T) {
	checkpoint := open(t)
	want := expected(t)[layerName]
	x, y := inputAndOutput(t, want)
	cpu, err := NewCPU(CPUOptions{Threads: 1})
	ok(t, err)
	defer cpu.Close()
	packed, err := checkpoint.Load([]string{layerName}, LoadOptions{})
	ok(t, err)
	defer packed.Close()
	layer, err := NewLinear(cpu, packed, LinearOptions{})
	ok(t, err)
	plan, err := layer.Plan(PlanOptions{M: 2, DType: F16, Kernel: KernelGemm})
	ok(t, err)
	defer plan.Close()
	text, err := plan.Export()
	ok(t, err)
	again, err := layer.ImportPlan(text)
	ok(t, err)
	defer again.Close()
	layer.Close() // the plans keep it
	for _, plan := range []*Plan{plan, again} {
		info, err := plan.Info()
		ok(t, err)
		if info.Kernel != KernelGemm || info.K != want.K || info.M != 2 {
			t.Fatalf("%+v", info)
		}
		if reason, err := plan.Reason(); err != nil || reason == "" {
			t.Fatal(err, "no reason")
		}
		out := make([]float32, 2*want.N)
		ok(t, Run(plan, x, out, 2, make([]byte, info.WorkspaceBytes)))
		ok(t, near(out, y))
	}
}

func TestConfig(t *testing.T) {
	checkpoint := open(t)
	directory, err := LoadConfigDirectory(fixture(t, "checkpoint", "llama2l_gemm"))
	ok(t, err)
	defer directory.Close()
	file, err := LoadConfigFile(fixture(t, "checkpoint", "llama2l_gemm", "config.json"))
	ok(t, err)
	defer file.Close()
	text, err := os.ReadFile(fixture(t, "checkpoint", "llama2l_gemm", "config.json"))
	ok(t, err)
	parsed, err := ParseConfig(text, "memory")
	ok(t, err)
	defer parsed.Close()
	for _, config := range []*Config{directory, file, parsed, checkpoint.Config()} {
		info, err := config.Info()
		ok(t, err)
		if info.Method != MethodAWQ || info.Bits != 4 || info.GroupSize != 64 || !info.ZeroPoint.Set() || info.Layout != LayoutAWQGemm {
			t.Fatalf("%+v", info)
		}
		for name, quantized := range map[string]bool{layerName: true, "model.layers.0.self_attn.o_proj": false} {
			module, reason, err := config.Module(name)
			ok(t, err)
			if module.Quantized.Set() != quantized || reason == "" {
				t.Fatalf("%s: %+v %s", name, module, reason)
			}
		}
		if skip, err := config.Skip(); err != nil || len(skip) == 0 {
			t.Fatal(err, skip)
		}
		if _, err := config.Warnings(); err != nil {
			t.Fatal(err)
		}
		if source, err := config.Source(); err != nil || source == "" {
			t.Fatal(err)
		}
		if json, err := config.JSON(); err != nil || json[0] != '{' {
			t.Fatal(err)
		}
	}
	if names := ConfigFileNames(); len(names) < 2 || names[0] != "config.json" {
		t.Fatal(names)
	}
	config := checkpoint.Config()
	checkpoint.Close()
	if _, err := config.Info(); err != ErrClosed {
		t.Fatal(err)
	}
}

func TestCheckpoint(t *testing.T) {
	checkpoint := open(t)
	layers, err := checkpoint.Layers()
	ok(t, err)
	tensors, err := checkpoint.Tensors()
	ok(t, err)
	if len(layers) < 14 || len(tensors) < len(layers) {
		t.Fatal(layers, tensors)
	}
	if _, err := checkpoint.Warnings(); err != nil {
		t.Fatal(err)
	}
	tensor, err := checkpoint.Tensor(layerName + ".qweight")
	ok(t, err)
	if tensor.DType != I32 || tensor.Shape[0] != 256 || tensor.Shape[1] != 64 || len(tensor.Data) != 256*64*4 {
		t.Fatal(tensor.DType, tensor.Shape, len(tensor.Data))
	}
	fused, err := checkpoint.Load([]string{"model.layers.0.self_attn.qkv_proj"}, LoadOptions{TPDim: TPDimColumn, TPRank: 1, TPWorld: 2})
	ok(t, err)
	defer fused.Close()
	info, err := fused.Info()
	ok(t, err)
	if info.N != 256 || info.K != 256 {
		t.Fatalf("%+v", info)
	}
}

func TestQuestions(t *testing.T) {
	if support, reason, err := QuantizationSupport(3, 128, true, LayoutMarlin); err != nil || support != SupportNo || reason == "" {
		t.Fatal(support, reason, err)
	}
	if support, _, err := ShapeSupport(288, 96, 4, 32, true, LayoutMarlin); err != nil || support != SupportPadded {
		t.Fatal(support, err)
	}
	if least, err := KernelMarlin.MinCapability(); err != nil || least != 80 {
		t.Fatal(least, err)
	}
	if !KernelGemv.Supports(0, F32) || KernelMarlin.Supports(0, F32) {
		t.Fatal("what the CPU takes")
	}
	if info, err := QueryCapability(86); err != nil || info.Architecture() != "Ampere" || info.Products() == "" || info.Typical() == "" {
		t.Fatal(info, err)
	}
	plan, reason, err := QueryCUDAPlan(CUDAPlanOptions{Capability: 86, K: 4096, N: 4096, M: 1, Bits: 4, ZeroPoint: 1, GroupSize: 128, DType: F16}, "")
	if err != nil || reason == "" || plan.Kernel == KernelAuto || plan.WorkspaceBytes == 0 {
		t.Fatal(plan, reason, err)
	}
	if sizes, err := MarlinGroupSizes(); err != nil || len(sizes) < 4 {
		t.Fatal(sizes, err)
	}
	if table, err := MarlinScalePermutation(true); err != nil || len(table) != 64 {
		t.Fatal(table, err)
	}
	if bytes, err := MarlinWorkspaceBytes(4096, 84); err != nil || bytes == 0 {
		t.Fatal(bytes, err)
	}
	codes, words, back := []uint8{1, 2, 3, 4, 5, 6, 7, 8}, make([]byte, 4), make([]uint8, 8)
	ok(t, PackColumns(codes, 1, 8, 4, words))
	ok(t, UnpackColumns(words, 1, 8, 4, back))
	if words[0] != 0x21 || back[7] != 8 {
		t.Fatal(words, back)
	}
}

func TestQuantize(t *testing.T) {
	weight := make([]float32, 64*128)
	for i := range weight {
		weight[i] = float32(i%31) / 31
	}
	packed, err := Quantize(weight, 64, 128, QuantizeOptions{GroupSize: 64})
	ok(t, err)
	defer packed.Close()
	dense := make([]float32, len(weight))
	ok(t, Dequantize(packed, dense, nil))
	for k := 0; k < 128; k++ {
		for n := 0; n < 64; n++ {
			if error := dense[k*64+n] - weight[n*128+k]; error > 0.04 || error < -0.04 {
				t.Fatalf("w[%d][%d] is off by %g", k, n, error)
			}
		}
	}

	var seen []string
	out := filepath.Join(t.TempDir(), "marlin")
	source := fixture(t, "checkpoint", "llama2l_gemm")
	report, err := ConvertCheckpoint(source, out, QuantizeOptions{Layout: LayoutCompressedTensors,
		Progress: func(at Progress) bool { seen = append(seen, at.Layer); return true }})
	ok(t, err)
	if report.LayersQuantized != 12 || len(seen) < 12 {
		t.Fatalf("%+v %v", report, seen)
	}
	_, err = ConvertCheckpoint(source, out+"2", QuantizeOptions{Layout: LayoutCompressedTensors, Progress: func(Progress) bool { return false }})
	if !errors.Is(err, StatusCancelled) {
		t.Fatal(err)
	}
	if _, err := QuantizeCheckpoint(out+"3", out+"4", QuantizeOptions{Skip: []string{"self_attn.o_proj"}}); !errors.Is(err, StatusMissing) {
		t.Fatal(err)
	}
}

func TestSaveTensors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "two.safetensors")
	ok(t, SaveTensors(file, map[string]Tensor{"a": {Data: []byte{1, 2, 3}, DType: U8, Shape: []int64{3}}, "b": {DType: F32, Shape: []int64{0}}}))
	checkpoint, err := OpenFiles([]string{file}, nil)
	ok(t, err)
	defer checkpoint.Close()
	if tensor, err := checkpoint.Tensor("a"); err != nil || tensor.Data[2] != 3 {
		t.Fatal(err)
	}
	if checkpoint.Config() != nil {
		t.Fatal("a config from nowhere")
	}
}
