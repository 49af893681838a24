package awqmarlin

// #include "callbacks.h"
import "C"

import "runtime/cgo"

// Quantizer is AWQ on a model directory, block by block. Run and Finish wait for everything else that uses it.
type Quantizer struct{ *handle[C.awqm_quantizer] }

// QuantizerOptions are options of NewQuantizer; the zero value means 4 bits, groups of 128, zero points, LayoutAWQGemm.
type QuantizerOptions struct {
	Mode          AWQMode
	Bits          int
	Symmetric     bool
	GroupSize     int64
	Layout        Layout
	RangeRule     RangeRule
	Skip          []string // layers to leave as they are
	MaxShardBytes uint64
	Overwrite     bool
	Resume        bool   // take up what an interrupted job left
	SkipNotFinite bool   // leave layers whose weights are not finite
	Architecture  string // path of a description; "": by the model's type
	Device        *Device
	Progress      func(at Progress) bool // called before each layer of Run and Finish; false stops with StatusCancelled
}

// NewQuantizer opens a Hugging Face directory and decides what is to be done; nothing is quantized yet.
func NewQuantizer(source, destination string, o QuantizerOptions) (*Quantizer, error) {
	src, freeSrc := cstring(source)
	defer freeSrc()
	dst, freeDst := cstring(destination)
	defer freeDst()
	skip, freeSkip := cstrings(o.Skip)
	defer freeSkip()
	architecture, freeArchitecture := optionalString(o.Architecture)
	defer freeArchitecture()
	var quantizer *Quantizer
	err := withDevice(o.Device, func(device *C.awqm_device) error {
		c := C.awqm_quantizer_options{struct_size: C.sizeof_awqm_quantizer_options, mode: C.awqm_awq_mode(o.Mode),
			bits: C.uint32_t(o.Bits), symmetric: C.int32_t(FlagOf(o.Symmetric)), layout: C.awqm_layout(o.Layout),
			group_size: C.int64_t(o.GroupSize), range_rule: C.awqm_range_rule(o.RangeRule), skip: skip,
			skip_count: C.size_t(len(o.Skip)), max_shard_bytes: C.uint64_t(o.MaxShardBytes),
			overwrite: C.int32_t(FlagOf(o.Overwrite)), resume: C.int32_t(FlagOf(o.Resume)),
			skip_not_finite: C.int32_t(FlagOf(o.SkipNotFinite)), architecture: architecture, device: device}
		var shared *pool // what the quantizer keeps of the device
		if o.Device != nil {
			shared = o.Device.pool.retain()
		}
		var own cgo.Handle
		if o.Progress != nil {
			own = cgo.NewHandle(o.Progress)
			C.awqm_go_set_quantizer_progress(&c, C.uintptr_t(own))
		}
		release := func() {
			shared.release()
			if own != 0 {
				own.Delete()
			}
		}
		var ptr *C.awqm_quantizer
		if err := call(func() C.awqm_status { return C.awqm_quantizer_create(src, dst, &c, &ptr) }); err != nil {
			release()
			return err
		}
		quantizer = &Quantizer{newHandle(ptr, func(ptr *C.awqm_quantizer) {
			C.awqm_quantizer_free(ptr)
			release()
		})}
		return nil
	})
	return quantizer, err
}

// Info says what there is to do and what is done.
func (q *Quantizer) Info() (QuantizerInfo, error) {
	var info QuantizerInfo
	err := q.call(func(ptr *C.awqm_quantizer) C.awqm_status {
		return C.awqm_quantizer_get_info(ptr, (*C.awqm_quantizer_info)(sized(&info)))
	})
	return info, err
}

// Group is group number index of layers that share an input.
func (q *Quantizer) Group(index int) (GroupInfo, error) {
	var info GroupInfo
	err := q.call(func(ptr *C.awqm_quantizer) C.awqm_status {
		return C.awqm_quantizer_get_group(ptr, C.size_t(index), (*C.awqm_group_info)(sized(&info)))
	})
	return info, err
}

// GroupLayer is the name of a layer of a group.
func (q *Quantizer) GroupLayer(index, layer int) (string, error) {
	return q.fill(func(ptr *C.awqm_quantizer, buf *C.char, capacity C.size_t, length *C.size_t) C.awqm_status {
		return C.awqm_quantizer_get_group_layer(ptr, C.size_t(index), C.size_t(layer), buf, capacity, length)
	})
}

// Run quantizes the groups of a block, or of every block that is not done when block is "". The calibrator may be nil when
// no group of the block is scaled.
func (q *Quantizer) Run(calibrator *Calibrator, block string) error {
	name, free := optionalString(block)
	defer free()
	run := func(statistics *C.awqm_calibrator) error {
		return q.change(func(ptr *C.awqm_quantizer) C.awqm_status { return C.awqm_quantizer_run(ptr, statistics, name) })
	}
	if calibrator == nil {
		return run(nil)
	}
	return calibrator.with(run)
}

// Finish puts the checkpoint together; the destination appears only when it is complete.
func (q *Quantizer) Finish() (QuantizeReport, error) {
	var report QuantizeReport
	err := q.change(func(ptr *C.awqm_quantizer) C.awqm_status {
		return C.awqm_quantizer_finish(ptr, (*C.awqm_quantize_report)(sized(&report)))
	})
	return report, err
}

// ReportJSON is what was chosen so far, for programs.
func (q *Quantizer) ReportJSON() (string, error) {
	return q.fill(func(ptr *C.awqm_quantizer, buf *C.char, capacity C.size_t, length *C.size_t) C.awqm_status {
		return C.awqm_quantizer_report_json(ptr, buf, capacity, length)
	})
}

// ReportText is what was chosen so far, for people.
func (q *Quantizer) ReportText() (string, error) {
	return q.fill(func(ptr *C.awqm_quantizer, buf *C.char, capacity C.size_t, length *C.size_t) C.awqm_status {
		return C.awqm_quantizer_report_text(ptr, buf, capacity, length)
	})
}
