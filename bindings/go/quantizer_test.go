package awqmarlin

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"
)

// llama writes a model of one block whose weights are a pattern.
func llama(t *testing.T, folder string) {
	tensors := map[string]Tensor{}
	for name, shape := range map[string][]int64{"self_attn.q_proj": {64, 64}, "self_attn.k_proj": {64, 64},
		"self_attn.v_proj": {64, 64}, "self_attn.o_proj": {64, 64}, "mlp.gate_proj": {128, 64}, "mlp.up_proj": {128, 64},
		"mlp.down_proj": {64, 128}, "input_layernorm": {64}, "post_attention_layernorm": {64}} {
		size := shape[0]
		if len(shape) > 1 {
			size *= shape[1]
		}
		values := make([]float32, size)
		for i := range values {
			values[i] = float32(i*7919%2003-1001) / 2000
		}
		tensors["model.layers.0."+name+".weight"] = Tensor{Data: unsafe.Slice((*byte)(pointer(values)), 4*size), DType: F32, Shape: shape}
	}
	ok(t, os.Mkdir(folder, 0o755))
	ok(t, SaveTensors(filepath.Join(folder, "model.safetensors"), tensors))
	ok(t, os.WriteFile(filepath.Join(folder, "config.json"), []byte(`{"model_type": "llama", "num_attention_heads": 4}`), 0o644))
}

func TestQuantizer(t *testing.T) {
	folder := t.TempDir()
	source, destination := filepath.Join(folder, "source"), filepath.Join(folder, "destination")
	llama(t, source)
	progress := 0
	quantizer, err := NewQuantizer(source, destination, QuantizerOptions{GroupSize: 32, Progress: func(Progress) bool { progress++; return true }})
	ok(t, err)
	defer quantizer.Close()
	calibrator, err := NewCalibrator(CalibratorOptions{})
	ok(t, err)
	defer calibrator.Close()
	fails(t, quantizer.Run(calibrator, ""), StatusNotFound) // nothing was observed
	info, err := quantizer.Info()
	ok(t, err)
	if info.Groups != 4 || info.Layers != 7 || info.Architecture() != "llama" {
		t.Fatalf("%+v", info)
	}
	for i := 0; i < int(info.Groups); i++ {
		group, err := quantizer.Group(i)
		ok(t, err)
		if first, err := quantizer.GroupLayer(i, 0); err != nil || first != group.Name() || group.Block() != "model.layers.0" {
			t.Fatal(first, group, err)
		}
		x := make([]float32, 48*group.K)
		for j := range x {
			x[j] = float32(j*104729%997-498) / float32(100+j%int(group.K))
		}
		ok(t, Observe(calibrator, group.Name(), x, 48, int(group.K), nil))
		fails(t, Observe(calibrator, group.Name(), x, 49, int(group.K), nil), StatusBufferTooSmall)
		fails(t, Observe(calibrator, group.Name(), x, 1, int(group.K)-1, nil), StatusInvalidArgument)
	}

	// Statistics go to a file and back, and add up.
	file := filepath.Join(folder, "statistics.safetensors")
	ok(t, calibrator.Save(file))
	again, err := LoadCalibrator(file, CalibratorOptions{})
	ok(t, err)
	defer again.Close()
	ok(t, again.Merge(calibrator, nil))
	fails(t, again.Merge(again, nil), StatusOverlap)
	if known, err := again.Info(); err != nil || known.Layers != 4 {
		t.Fatal(known, err)
	}
	if name, layer, err := again.Layer(0); err != nil || layer.Rows != 96 || !strings.HasPrefix(name, "model.layers.0.") {
		t.Fatal(name, layer, err)
	}
	if bytes, err := CalibratorLayerBytes(CalibratorOptions{}, 64); err != nil || bytes < 4*64*64 {
		t.Fatal(bytes, err)
	}
	ok(t, again.Clear())

	ok(t, quantizer.Run(calibrator, "model.layers.0"))
	report, err := quantizer.Finish()
	ok(t, err)
	if report.LayersQuantized != 7 || progress == 0 {
		t.Fatalf("%+v, %d calls of progress", report, progress)
	}
	for _, text := range []func() (string, error){quantizer.ReportJSON, quantizer.ReportText} {
		if text, err := text(); err != nil || !strings.Contains(text, "model.layers.0.mlp.down_proj") {
			t.Fatal(text, err)
		}
	}
	checkpoint, err := Open(destination)
	ok(t, err)
	defer checkpoint.Close()
	for _, name := range []string{"self_attn.q_proj", "mlp.down_proj"} {
		if layer, _, err := checkpoint.Layer(fmt.Sprintf("model.layers.0.%s", name)); err != nil || !layer.Quantized.Set() || layer.GroupSize != 32 {
			t.Fatal(layer, err)
		}
	}
}
