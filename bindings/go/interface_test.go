package awqmarlin

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// The structs that Go code fills in place. The others are only used by their C names, so cgo takes care of them.
var structs = map[string]any{
	"awqm_capability_info":   CapabilityInfo{},
	"awqm_config_info":       ConfigInfo{},
	"awqm_cuda_plan_info":    CUDAPlanInfo{},
	"awqm_cuda_plan_options": CUDAPlanOptions{},
	"awqm_device_info":       DeviceInfo{},
	"awqm_layer_desc":        LayerDesc{},
	"awqm_layer_info":        LayerInfo{},
	"awqm_linear_info":       LinearInfo{},
	"awqm_linear_options":    LinearOptions{},
	"awqm_module_info":       ModuleInfo{},
	"awqm_packed_info":       PackedInfo{},
	"awqm_plan_info":         PlanInfo{},
	"awqm_plan_options":      PlanOptions{},
	"awqm_quantize_report":   QuantizeReport{},
	"awqm_repack_sizes":      RepackSizes{},
}

// Not needed: call stays on the thread and takes the message itself; an allocator must be C, as Go's memory cannot be
// kept by the library, and C can set it.
var unbound = map[string]bool{"awqm_last_error_copy": true, "awqm_set_allocator": true}

type table struct {
	Versions, Constants map[string]int
	Enums               []struct {
		Name   string
		Values map[string]int
	}
	Structs []struct {
		Name   string
		Size   uintptr
		Fields []struct {
			Name         string
			Offset, Size uintptr
		}
	}
	Functions []struct{ Name string }
}

// theTable is what was made from the C header; $AWQM_INTERFACE names it.
func theTable(t *testing.T) table {
	path := os.Getenv("AWQM_INTERFACE")
	if path == "" {
		path = "../../abi/interface.json"
	}
	text, err := os.ReadFile(path)
	ok(t, err)
	var all table
	ok(t, json.Unmarshal(text, &all))
	return all
}

func TestStructsLieAsInTheHeader(t *testing.T) {
	found := 0
	for _, want := range theTable(t).Structs {
		value, here := structs[want.Name]
		if !here {
			continue
		}
		found++
		have := reflect.TypeOf(value)
		if have.Size() != want.Size || have.NumField() != len(want.Fields) {
			t.Errorf("%s: %d bytes and %d fields, the header's has %d and %d", have, have.Size(), have.NumField(), want.Size, len(want.Fields))
			continue
		}
		for i, field := range want.Fields {
			mine := have.Field(i)
			if !strings.EqualFold(mine.Name, strings.ReplaceAll(field.Name, "_", "")) || mine.Offset != field.Offset || mine.Type.Size() != field.Size {
				t.Errorf("%s.%s: offset %d, %d bytes; the header's %s: offset %d, %d bytes", have, mine.Name, mine.Offset,
					mine.Type.Size(), field.Name, field.Offset, field.Size)
			}
		}
	}
	if found != len(structs) {
		t.Errorf("%d of %d structs are in the table", found, len(structs))
	}
}

// Constants and functions are used by their C names, so they are right when they are there at all.
func TestEverythingIsBound(t *testing.T) {
	var sources strings.Builder
	for _, pattern := range []string{"*.go", "callbacks.c"} {
		files, err := filepath.Glob(pattern)
		ok(t, err)
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				text, err := os.ReadFile(file)
				ok(t, err)
				sources.Write(text)
			}
		}
	}
	words := map[string]bool{}
	isWord := func(r rune) bool {
		return r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	for _, word := range strings.FieldsFunc(sources.String(), func(r rune) bool { return !isWord(r) }) {
		words[word] = true
	}
	all := theTable(t)
	names := 0
	expect := func(name string) {
		names++
		if !words[name] && !unbound[name] {
			t.Errorf("%s of the header is not bound", name)
		}
	}
	for _, function := range all.Functions {
		expect(function.Name)
	}
	for _, enum := range all.Enums {
		for value := range enum.Values {
			expect(value)
		}
	}
	for constant := range all.Constants {
		expect(constant)
	}
	if names < 150 {
		t.Errorf("the table has only %d names", names)
	}
	if all.Versions["AWQM_ABI_VERSION"] != ABIVersion ||
		Version != all.Versions["AWQM_VERSION_MAJOR"]*1000000+all.Versions["AWQM_VERSION_MINOR"]*1000+all.Versions["AWQM_VERSION_PATCH"] {
		t.Error("versions")
	}
}
